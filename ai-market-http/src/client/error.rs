use std::error::Error;

/// Why a client cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidClient {
    /// The address of the coordinator is no URL of the kind that it must be.
    #[error("{url:?} is not the URL of a coordinator: {problem}; one is http://127.0.0.1:8000")]
    Url {
        /// The address that was given.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The machine offers no way to check a coordinator's certificate.
    #[error("cannot check certificates, as an https URL needs")]
    Tls(#[source] Box<dyn Error + Send + Sync>),
    /// The options cannot be used.
    #[error("the client's options cannot be used")]
    Options(#[source] Box<dyn Error + Send + Sync>),
}

/// What went wrong at the root of an error: the last cause that says something.
pub(super) fn root(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !cause_text.is_empty() {
            text = cause_text;
        }
        next = cause.source();
    }
    text.replace(['\n', '\r'], " ")
}
