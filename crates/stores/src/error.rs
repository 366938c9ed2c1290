//! What goes wrong with an object, and what to do about it.

use std::io;

/// What went wrong with an object.
#[derive(Debug, thiserror::Error)]
#[error("{url}")]
#[non_exhaustive]
pub struct StoreError {
    /// The object, or the folder of objects.
    pub url: String,
    /// What went wrong.
    #[source]
    pub problem: StoreProblem,
}

/// Why an object cannot be read or put.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreProblem {
    /// Not the name of an object.
    #[error("not the name of an object: {why}")]
    #[non_exhaustive]
    Url {
        /// Why.
        why: String,
    },
    /// There is no such object.
    #[error("there is no such object")]
    NotFound,
    /// There is no such bucket.
    #[error("there is no such bucket or container: create it, or correct its name")]
    NoBucket,
    /// There are no credentials, or the store does not know them.
    #[error(
        "the store does not accept the credentials: set AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY, GOOGLE_APPLICATION_CREDENTIALS, or AZURE_STORAGE_ACCOUNT_NAME and \
         AZURE_STORAGE_ACCOUNT_KEY ({why})"
    )]
    #[non_exhaustive]
    Credentials {
        /// What the store says.
        why: String,
    },
    /// The credentials do not allow it.
    #[error(
        "the store denies it to these credentials: they must be allowed to list, read and put \
             objects there ({why})"
    )]
    #[non_exhaustive]
    Denied {
        /// What the store says.
        why: String,
    },
    /// The object was replaced while it was read.
    #[error("it was replaced while it was read: run this again")]
    Changed,
    /// Another object is there.
    #[error(
        "an object with other bytes is there already, and objects are never overwritten: if nothing \
         needs it, remove it and run this again"
    )]
    OtherContent,
    /// More than a conditional put takes.
    #[error("{bytes} bytes are more than one put takes ({max}): plan with fewer rows per part")]
    #[non_exhaustive]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The largest size.
        max: u64,
    },
    /// An object is shorter or longer than the store said.
    #[error("{found} bytes came of {expected}")]
    #[non_exhaustive]
    Size {
        /// Bytes that came.
        found: u64,
        /// Bytes that the store promised.
        expected: u64,
    },
    /// The copy on the disk cannot be written or read.
    #[error("its copy on the disk, {path}")]
    #[non_exhaustive]
    Disk {
        /// The copy.
        path: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Anything else, after all tries.
    #[error("the store cannot be used: {why}")]
    #[non_exhaustive]
    Other {
        /// What the client says, with its causes.
        why: String,
    },
}

impl StoreError {
    pub(crate) fn new(url: &str, problem: StoreProblem) -> Self {
        Self { url: url.to_owned(), problem }
    }

    /// An error of the client, sorted by what can be done about it.
    pub(crate) fn of(url: &str, error: object_store::Error) -> Self {
        use object_store::Error;
        let why = with_causes(&error);
        let is_bucket = ["NoSuchBucket", "ContainerNotFound", "bucket does not exist"]
            .iter()
            .any(|code| why.contains(code));
        let are_credentials = [
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "AuthenticationFailed",
            "instance metadata",
            "metadata/identity",
            "computeMetadata",
            "169.254.169.254",
        ]
        .iter()
        .any(|code| why.contains(code));
        Self::new(
            url,
            match error {
                _ if is_bucket => StoreProblem::NoBucket,
                _ if are_credentials => StoreProblem::Credentials { why },
                Error::Unauthenticated { .. } => StoreProblem::Credentials { why },
                Error::NotFound { .. } => StoreProblem::NotFound,
                Error::PermissionDenied { .. } => StoreProblem::Denied { why },
                Error::Precondition { .. } => StoreProblem::Changed,
                _ => StoreProblem::Other { why },
            },
        )
    }

    /// Whether another try may end otherwise: the client gave up at once, because it cannot know
    /// that the request may be repeated. After tries of its own it tells their number.
    pub(crate) fn is_passing(&self) -> bool {
        match &self.problem {
            StoreProblem::Other { why } => !why.contains("max_retries: "),
            problem => matches!(problem, StoreProblem::Size { .. }),
        }
    }
}

/// As an error of a file of that name: callers add the URL.
impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        let kind = match &error.problem {
            StoreProblem::NotFound | StoreProblem::NoBucket => io::ErrorKind::NotFound,
            StoreProblem::OtherContent => io::ErrorKind::AlreadyExists,
            StoreProblem::Credentials { .. } | StoreProblem::Denied { .. } => {
                io::ErrorKind::PermissionDenied
            }
            StoreProblem::Url { .. } => io::ErrorKind::InvalidInput,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, with_causes(&error.problem))
    }
}

/// An error and its causes, in one line, without what a cause repeats.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
