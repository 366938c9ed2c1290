//! The operations on a store in memory, which has ETags and conditional puts.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the way to fail")]

use std::fs;
use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::{ObjectUrl, StoreProblem, Stores, is_object_url};

fn url(text: &str) -> ObjectUrl {
    ObjectUrl::parse(text).unwrap()
}

fn stores() -> (Stores, Arc<InMemory>) {
    let (stores, memory) = (Stores::new().unwrap(), Arc::new(InMemory::new()));
    stores.insert("s3://b", Arc::clone(&memory) as Arc<dyn ObjectStore>);
    (stores, memory)
}

#[test]
fn urls_are_told_from_paths() {
    for text in ["s3://b/k", "gs://b", "az://c/k", "ABFSS://c@a.dfs.core.windows.net/k"] {
        assert!(is_object_url(text), "{text}");
        ObjectUrl::parse(text).unwrap();
    }
    for text in ["/s3://b", "s3:/b", "c:/b", "http://b/k", "in.jsonl", "-", ""] {
        assert!(!is_object_url(text), "{text}");
        assert!(ObjectUrl::parse(text).is_err(), "{text}");
    }
    for text in ["s3://", "s3:///k", "s3://b//k", "s3://b/../k"] {
        let error = ObjectUrl::parse(text).unwrap_err();
        assert!(matches!(error.problem, StoreProblem::Url { .. }), "{text}: {error}");
    }
}

#[test]
fn a_key_is_taken_as_it_stands() {
    let url = url("s3://b/x%20y/a b.jsonl/");
    assert_eq!((url.as_str(), url.root()), ("s3://b/x%20y/a b.jsonl", "s3://b"));
    assert_eq!((url.key.as_ref(), url.file_name()), ("x%20y/a b.jsonl", "a b.jsonl"));
    assert_eq!(url.join("c").unwrap().as_str(), "s3://b/x%20y/a b.jsonl/c");
}

#[test]
fn a_list_has_the_order_of_a_walk_through_folders() {
    let (stores, _) = stores();
    for name in ["c/b.txt", "c/a/x.txt", "c/a.txt", "c/a-b/x.txt", "cc/x.txt", "c"] {
        stores.put_once(&url(&format!("s3://b/{name}")), name.into()).unwrap();
    }
    let list = stores.list(&url("s3://b/c/")).unwrap();
    let names: Vec<&str> = list.iter().map(|object| &*object.name).collect();
    assert_eq!(names, ["a/x.txt", "a-b/x.txt", "a.txt", "b.txt"]);
    assert_eq!(list[0].bytes, "c/a/x.txt".len() as u64);
    assert!(stores.list(&url("s3://b/none")).unwrap().is_empty());
}

#[test]
fn an_object_is_copied_whole_or_an_error_by_name() {
    let (stores, _) = stores();
    let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    stores.put_once(&url("s3://b/x"), content.clone()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("below/x");
    let object = stores.copy(&url("s3://b/x"), &path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), content);
    assert_eq!(Some(object), stores.find(&url("s3://b/x")).unwrap());
    let crc = format!("{:08x}", crc32fast::hash(&content));
    assert_eq!(stores.checksum(&url("s3://b/x")).unwrap(), (content.len() as u64, crc));
    assert_eq!(stores.read(&url("s3://b/x")).unwrap(), Some(content));

    let error = stores.copy(&url("s3://b/y"), &folder.path().join("y")).unwrap_err();
    assert!(matches!(error.problem, StoreProblem::NotFound));
    assert_eq!(error.url, "s3://b/y");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(stores.find(&url("s3://b/y")).unwrap(), None);
    assert_eq!(stores.read(&url("s3://b/y")).unwrap(), None);
}

#[test]
fn many_objects_are_read_in_order() {
    let (stores, _) = stores();
    let urls: Vec<ObjectUrl> = (0..40).map(|i| url(&format!("s3://b/{i}"))).collect();
    for url in urls.iter().filter(|url| url.as_str() != "s3://b/7") {
        stores.put_once(url, url.as_str().into()).unwrap();
    }
    let read = stores.read_all(&urls).unwrap();
    for (i, (url, content)) in urls.iter().zip(read).enumerate() {
        assert_eq!(content, (i != 7).then(|| url.as_str().into()));
    }
}

#[test]
fn an_object_is_put_once_and_never_replaced() {
    let (stores, memory) = stores();
    let url = url("s3://b/x");
    stores.put_once(&url, b"one".to_vec()).unwrap();
    let first = stores.find(&url).unwrap().unwrap();
    stores.put_once(&url, b"one".to_vec()).unwrap();
    assert_eq!(stores.find(&url).unwrap().unwrap(), first);
    for other in [&b"two"[..], b"longer", b""] {
        let error = stores.put_once(&url, other.to_vec()).unwrap_err();
        assert!(matches!(error.problem, StoreProblem::OtherContent), "{error}");
    }
    assert_eq!(stores.read(&url).unwrap().unwrap(), b"one");
    // Another object of the same size has another version.
    stores.repeat(|| async { Ok(memory.put(&url.key, "two".into()).await.unwrap()) }).unwrap();
    assert_ne!(stores.find(&url).unwrap().unwrap().version, first.version);
}

#[test]
fn who_puts_the_same_object_at_once_is_served_alike() {
    let (stores, _) = stores();
    let url = url("s3://b/x");
    let content = vec![7; 1 << 20];
    std::thread::scope(|scope| {
        let put = || stores.put_once(&url, content.clone());
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(put)).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
    });
    assert_eq!(stores.read(&url).unwrap().unwrap(), content);
}
