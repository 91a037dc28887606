//! `npm audit`, answered so that installing neither hangs nor fails: nothing is known here about
//! vulnerabilities, and an empty report says so in the form each client expects.

use crate::http::{FeedDoor, answer, intake};
use poem::http::StatusCode;
use poem::{Request, Response};
use proget_core::Problem;
use proget_core::access::Permission;
use serde_json::json;

/// The list of what is installed, compressed, may be this long.
const LARGEST: u64 = 32 << 20;

/// What npm 7 and later ask:
/// <https://github.com/npm/cli/blob/latest/workspaces/arborist/lib/audit-report.js>
pub(super) async fn advisories(door: &FeedDoor, request: &mut Request) -> Result<Response, Problem> {
    door.admit(Permission::View)?;
    intake::ignore(request, LARGEST).await?;
    Ok(answer::json(StatusCode::OK, &json!({})))
}

/// What npm 6, yarn classic and pnpm ask:
/// <https://github.com/npm/cli/blob/latest/docs/lib/content/commands/npm-audit.md#audit-endpoints>
pub(super) async fn report(door: &FeedDoor, request: &mut Request) -> Result<Response, Problem> {
    door.admit(Permission::View)?;
    intake::ignore(request, LARGEST).await?;
    let none = json!({"info": 0, "low": 0, "moderate": 0, "high": 0, "critical": 0});
    let counts = json!({
        "vulnerabilities": none, "dependencies": 0, "devDependencies": 0, "optionalDependencies": 0, "totalDependencies": 0,
    });
    let report = json!({"actions": [], "advisories": {}, "muted": [], "metadata": counts});
    Ok(answer::json(StatusCode::OK, &report))
}
