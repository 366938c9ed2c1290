//! Objects of S3, Google Cloud Storage and Azure Blob Storage: listed, copied to the disk, and put
//! once.
//!
//! [`ObjectUrl`] names an object or a folder of them, [`Stores`] does the work; both are called
//! from plain threads. Nothing is ever overwritten: [`Stores::put_once`] asks the store to refuse
//! an object that is there, and then compares the bytes. Requests are tried again after answers of
//! the kind 503, and cut transfers are continued.
//!
//! Credentials, regions and endpoints come from the environment, under the names that the stores'
//! own tools read: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT_URL`,
//! `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_ACCOUNT_NAME`, `AZURE_STORAGE_ACCOUNT_KEY`,
//! and the others of the crate `object_store`.
#![forbid(unsafe_code)]

mod error;
mod open;
mod put;
mod read;
mod url;

#[cfg(test)]
mod tests;

pub use error::{StoreError, StoreProblem};
pub use open::Stores;
pub use put::MAX_PUT_BYTES;
pub use read::Object;
pub use url::{ObjectUrl, is_object_url};
