//! Why a live read failed.

/// Why a fact could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("the API server did not answer in time")]
    Timeout,
    #[error("{0}")]
    Api(kube::Error),
    // What cannot be read is not told: it may hold what is nobody's business.
    #[error("the answer is no object of this kind")]
    Unreadable,
    #[error("there are too many objects to look through")]
    TooMany,
    #[error("the request cannot be built: {0}")]
    Request(#[from] http::Error),
    #[error("the list cannot be asked for: {0}")]
    List(#[from] kube::core::request::Error),
    /// Not a failure: the table of kinds says that this is never read live.
    #[error("this is never read live")]
    NotRead,
}

impl From<kube::Error> for ReadError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::SerdeError(_) => Self::Unreadable,
            error => Self::Api(error),
        }
    }
}
