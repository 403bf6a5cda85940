//! Waiting for what a cluster does in its own time.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

/// Tries until there is an answer, a few times a second; `limit` is only there to end what will never come.
///
/// # Errors
/// When no answer has come within the limit; the last error, if attempts failed, is told.
pub async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut attempt: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let begun = Instant::now();
    loop {
        let last = match attempt().await {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => String::new(),
            Err(error) => format!(": {error:#}"),
        };
        if begun.elapsed() > limit {
            bail!("waited {} s in vain until {what}{last}", limit.as_secs());
        }
        sleep(Duration::from_millis(150)).await;
    }
}
