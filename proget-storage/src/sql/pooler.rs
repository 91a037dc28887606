//! Is there a pooler before PostgreSQL that gives a session to somebody else between transactions?
//!
//! Then isolation and time limits, which are set once for a session, would hold for strangers and
//! not for us, and nobody would notice before a frozen server kept a lock for ever. PgBouncer is
//! such a one in the pool modes `transaction` and `statement`; in the mode `session` all is well.
//! <https://www.pgbouncer.org/features.html>

use sea_orm::SqlxError;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{ConnectOptions as _, Connection as _, Executor as _, Row as _};

/// Others may take the session in the very moment in which it is looked for.
const LOOKS: usize = 3;

/// Two connections are there at the same time. If one is given the session that the other has just
/// used, sessions are shared.
pub(super) async fn shares_sessions(
    connect: &PgConnectOptions,
    first: &mut PgConnection,
) -> Result<bool, SqlxError> {
    let mut second = connect.connect().await?;
    let mut shared = false;
    for _ in 0..LOOKS {
        let before = session_of(first).await?;
        if second.execute("BEGIN").await.is_err() {
            // In the mode `statement` transactions are refused.
            shared = true;
            break;
        }
        shared = session_of(&mut second).await? == before || session_of(first).await? != before;
        second.execute("ROLLBACK").await?;
        if shared {
            break;
        }
    }
    // What it was for is known.
    let _ = second.close().await;
    Ok(shared)
}

async fn session_of(connection: &mut PgConnection) -> Result<i32, SqlxError> {
    connection.fetch_one("SELECT pg_backend_pid()").await?.try_get(0)
}
