//! Detects, before any work is done, writable files that cannot be replaced by a rename.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Refuses a mount point, such as a single file mounted into a container: nothing can be renamed
/// over it.
#[cfg(target_os = "linux")]
pub(crate) fn refuse_mount_point(path: &Path) -> io::Result<()> {
    // Without the list, the rename itself will fail.
    let mounts = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    match mount_points(&mounts).any(|mount_point| mount_point == *path.as_os_str()) {
        false => Ok(()),
        true => Err(io::Error::new(
            ErrorKind::ResourceBusy,
            "it is a mount point, which cannot be replaced: mount its folder, and name a file there",
        )),
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn refuse_mount_point(_: &Path) -> io::Result<()> {
    Ok(())
}

/// The mount points: the fifth field of each line of `mountinfo`.
#[cfg(target_os = "linux")]
fn mount_points(mounts: &[u8]) -> impl Iterator<Item = std::ffi::OsString> {
    use std::os::unix::ffi::OsStringExt;

    let fields = mounts.split(|&b| b == b'\n').filter_map(|line| line.split(|&b| b == b' ').nth(4));
    fields.map(|field| std::ffi::OsString::from_vec(unescaped(field)))
}

/// A field of `mountinfo`, in which spaces and backslashes are escaped, as in `\040`.
#[cfg(target_os = "linux")]
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            _ => bytes.push(*first),
        }
    }
    bytes
}

/// Refuses another user's file in a sticky folder like `/tmp`, where only its owner may rename over
/// it; `new` is a file that this process created.
#[cfg(unix)]
pub(crate) fn refuse_sticky(folder: &Path, existing: &Metadata, new: &File) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;

    let (folder, user) = (std::fs::metadata(folder)?, new.metadata()?.uid());
    match may_replace(&folder, existing, user) {
        true => Ok(()),
        false => Err(io::Error::new(
            ErrorKind::PermissionDenied,
            "it is another user's, and its folder lets only the owner replace it (the sticky bit, as on \
             /tmp): name another file",
        )),
    }
}

#[cfg(not(unix))]
pub(crate) fn refuse_sticky(_: &Path, _: &Metadata, _: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn may_replace(folder: &Metadata, existing: &Metadata, user: u32) -> bool {
    use std::os::unix::fs::MetadataExt;

    const STICKY: u32 = 0o1000;
    const ROOT: u32 = 0;
    folder.mode() & STICKY == 0 || [ROOT, folder.uid(), existing.uid()].contains(&user)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
#[allow(clippy::unwrap_used, reason = "in a test a panic is the way to fail")]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    #[test]
    fn mount_points_are_those_of_the_system() {
        let mounts = b"1 0 0:1 / / rw - ext4 /dev/a rw\n\
            2 1 0:2 /f /a\\040b/c\\134040 rw,relatime shared:1 - ext4 /dev/b rw\n";
        let found: Vec<_> = mount_points(mounts).collect();
        assert_eq!(found, ["/", "/a b/c\\040"]);
        assert!(refuse_mount_point(Path::new("/proc")).is_err());
        assert!(refuse_mount_point(Path::new("/proc/self/mountinfo")).is_ok());
    }

    #[test]
    fn in_a_sticky_folder_only_owners_replace_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, "").unwrap();
        let existing = fs::metadata(&path).unwrap();
        let own = existing.uid();
        let may = |mode, user| {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            may_replace(&fs::metadata(folder.path()).unwrap(), &existing, user)
        };
        assert!(may(0o777, own + 1));
        assert!(!may(0o1777, own + 1));
        assert!(may(0o1777, own) && may(0o1777, 0));
        let file = File::open(&path).unwrap();
        assert!(refuse_sticky(folder.path(), &existing, &file).is_ok());
    }
}
