//! How time is made to pass in etcd, for the conformance suite: each lease is replaced by a shorter one,
//! or revoked as etcd itself does it, if it has run out by then.

use super::EtcdElection;
use super::calls::{Range, TimeLeft};
use super::error::EtcdError;
use super::keys;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::time::Duration;

impl EtcdElection {
    /// Makes every lease older by so much.
    pub(crate) async fn age(&self, by: Duration) -> Result<(), EtcdError> {
        let begin = self.keys.leases();
        // The key after all that begin so: the slash's successor in its place.
        let end = format!("{}0", begin.trim_end_matches('/'));
        let request = json!({ "key": STANDARD.encode(&begin), "range_end": STANDARD.encode(end) });
        let found: Range = self.calls.call("/v3/kv/range", &request).await?;
        for pair in &found.kvs {
            let Some(timer) = &pair.lease else { continue };
            let TimeLeft::Seconds(left) = self.calls.time_left(timer).await? else { continue };
            if left <= by.as_secs() {
                let revoked: Result<serde_json::Value, _> =
                    self.calls.call("/v3/lease/revoke", &json!({ "ID": timer })).await;
                match revoked {
                    // Somebody else makes time pass, too.
                    Err(EtcdError::Refused { status: 404, .. }) | Ok(_) => {}
                    Err(error) => return Err(error),
                }
                continue;
            }
            let (key, value) = (keys::unwrapped(&pair.key)?, pair.text()?);
            let shorter = self.calls.start_timer(Duration::from_secs(left) - by).await?;
            let request = json!({
                "compare": [keys::is_at(&key, &pair.mod_revision)],
                "success": [keys::put(&key, &value, Some(&shorter))],
            });
            self.calls.transaction(&request).await?;
        }
        Ok(())
    }
}
