//! Qdrant's ids: unsigned integers and UUIDs, and how other texts are mapped to them.

use uuid::Uuid;

/// The id under which Qdrant stores a document. The payload always has the original id as `id`.
///
/// * `0` to `18446744073709551615` in decimal, without sign or leading zeros: this number.
/// * A UUID in the form `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` in lower case: this UUID.
/// * Any other text: the version 5 UUID of the text in the OID namespace, which is deterministic;
///   `uuid.uuid5(uuid.NAMESPACE_OID, text)` in Python. UUIDs in other spellings are treated as such
///   texts, since otherwise two ids could become one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PointId {
    /// An unsigned integer.
    Number(u64),
    /// A UUID, in lower case with hyphens.
    Uuid(String),
}

impl PointId {
    /// Maps the text of an id.
    #[must_use]
    pub fn of(id: &str) -> Self {
        if let Ok(number) = id.parse::<u64>()
            && number.to_string() == id
        {
            return Self::Number(number);
        }
        match Uuid::try_parse(id) {
            Ok(uuid) if uuid.hyphenated().to_string() == id => Self::Uuid(id.to_owned()),
            _ => {
                let uuid = Uuid::new_v5(&Uuid::NAMESPACE_OID, id.as_bytes());
                Self::Uuid(uuid.hyphenated().to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn numbers_and_canonical_uuids_stay_what_they_are() {
        assert_eq!(PointId::of("0"), PointId::Number(0));
        assert_eq!(PointId::of("18446744073709551615"), PointId::Number(u64::MAX));
        let uuid = "d3b07384-d9a0-4c9b-8f3e-1c2b3a4d5e6f";
        assert_eq!(PointId::of(uuid), PointId::Uuid(uuid.to_owned()));
    }

    /// From Python: `uuid.uuid5(uuid.NAMESPACE_OID, "doc.1")`.
    #[test]
    fn other_texts_become_the_uuid_that_python_computes() {
        let uuid = "51479554-2a53-5bbe-bf0f-e55bad0ee7ce".to_owned();
        assert_eq!(PointId::of("doc.1"), PointId::Uuid(uuid));
    }

    #[test]
    fn spellings_of_one_number_or_uuid_do_not_collide() {
        let ids = [
            "7",
            "07",
            "+7",
            "18446744073709551616",
            "d3b07384-d9a0-4c9b-8f3e-1c2b3a4d5e6f",
            "D3B07384-D9A0-4C9B-8F3E-1C2B3A4D5E6F",
            "d3b07384d9a04c9b8f3e1c2b3a4d5e6f",
            "{d3b07384-d9a0-4c9b-8f3e-1c2b3a4d5e6f}",
        ];
        assert_eq!(ids.map(PointId::of).into_iter().collect::<HashSet<_>>().len(), ids.len());
    }
}
