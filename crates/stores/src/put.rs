//! Puts objects once: what is there already is compared, and never replaced.

use object_store::{ObjectStore, PutMode, PutPayload};

use crate::{ObjectUrl, StoreError, StoreProblem, Stores};

/// The largest object that one put takes: 5 GB at S3, somewhat less than 5,000 MiB at Azure.
/// Uploads in several pieces cannot be made conditional everywhere.
pub const MAX_PUT_BYTES: u64 = 5_000_000_000;

/// What became of a put.
enum Put {
    Made,
    IsThere,
}

impl Stores {
    /// Puts an object, whole or not at all, if none is there; one with the same bytes counts as
    /// success. So it may be tried again, and done twice at once.
    ///
    /// # Errors
    /// [`StoreProblem::OtherContent`], [`StoreProblem::TooLarge`], and the others.
    pub fn put_once(&self, url: &ObjectUrl, content: Vec<u8>) -> Result<(), StoreError> {
        let bytes = content.len() as u64;
        if bytes > MAX_PUT_BYTES {
            let problem = StoreProblem::TooLarge { bytes, max: MAX_PUT_BYTES };
            return Err(StoreError::new(url.as_str(), problem));
        }
        let store = self.store(url)?;
        let payload = PutPayload::from(content);
        // An answer that says "there already" may be about a put under way that then fails.
        for _ in 0..3 {
            // After a cut transfer nobody knows whether the object is there: the next try says so.
            match self.repeat(|| put(&*store, url, payload.clone()))? {
                Put::Made => return Ok(()),
                Put::IsThere => match self.is_same(url, payload.as_ref())? {
                    Some(true) => return Ok(()),
                    Some(false) => {
                        return Err(StoreError::new(url.as_str(), StoreProblem::OtherContent));
                    }
                    None => {}
                },
            }
        }
        Err(StoreError::new(url.as_str(), StoreProblem::Changed))
    }

    /// Whether an object has these bytes; `None` if there is none.
    fn is_same(
        &self,
        url: &ObjectUrl,
        content: &[impl AsRef<[u8]>],
    ) -> Result<Option<bool>, StoreError> {
        let expected: u64 = content.iter().map(|piece| piece.as_ref().len() as u64).sum();
        let Some(object) = self.find(url)? else { return Ok(None) };
        if object.bytes != expected {
            return Ok(Some(false));
        }
        let [content] = content else { return Ok(Some(expected == 0)) };
        let (content, mut at, mut is_same) = (content.as_ref(), 0, true);
        let read = self.stream(url, &mut |chunk| {
            match chunk {
                Some(bytes) => {
                    is_same &= content.get(at..at + bytes.len()) == Some(bytes);
                    at += bytes.len();
                }
                None => (at, is_same) = (0, true),
            }
            Ok(())
        });
        match read {
            Ok(_) => Ok(Some(is_same)),
            Err(StoreError { problem: StoreProblem::NotFound, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

async fn put(
    store: &dyn ObjectStore,
    url: &ObjectUrl,
    payload: PutPayload,
) -> Result<Put, StoreError> {
    match store.put_opts(&url.key, payload, PutMode::Create.into()).await {
        Ok(_) => Ok(Put::Made),
        Err(object_store::Error::AlreadyExists { .. }) => Ok(Put::IsThere),
        Err(error) => Err(StoreError::of(url.as_str(), error)),
    }
}
