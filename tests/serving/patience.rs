//! Waiting without asserting how long anything takes.

use std::future::Future;
use std::time::Duration;

use tokio::time::{sleep, timeout};

/// What nothing on a sound machine takes; only a hang does.
const LIMIT: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// The future's output.
///
/// # Panics
/// When it hangs; `what` names what was waited for.
pub async fn patiently<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = timeout(LIMIT, future).await;
    assert!(done.is_ok(), "waited in vain: {what}");
    done.expect("just asserted")
}

/// Asks until the answer is yes.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    patiently(what, async {
        while !holds().await {
            sleep(LOOK).await;
        }
    })
    .await;
}
