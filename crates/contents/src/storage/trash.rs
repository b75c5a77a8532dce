//! Deleting into the desktop's trash (freedesktop.org's trash specification 1.0), where a user finds it again.
//!
//! The same choice as the reference's `send2trash`: the home trash for files on the home's device, else
//! `.Trash/<uid>` or `.Trash-<uid>` at the top of the file's volume; across devices a copy into the home trash.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rustix::fs::{AtFlags, CWD, openat, renameat, statat};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::Storage;
use crate::path::ContentsPath;

/// As Python's `quote`: all but letters, digits, `_.-~` and `/`.
const QUOTED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'_')
    .remove(b'.')
    .remove(b'-')
    .remove(b'~')
    .remove(b'/');
/// Names tried in one trash before giving up: `a.txt`, `a 1.txt`, `a 2.txt`, …
const NAMES_MAX: u32 = 100_000;

/// A name in a directory.
type Place<'a> = (&'a OwnedFd, &'a str);

/// One trash directory and what paths in its `.trashinfo` files are relative to.
struct Trash {
    directory: PathBuf,
    top: PathBuf,
}

impl Storage {
    /// Moves an entry into the trash; `home_trash` is `$XDG_DATA_HOME/Trash`. A link goes itself.
    pub(crate) fn move_to_trash(&self, path: &ContentsPath, home_trash: &Path) -> io::Result<()> {
        let os_path = self.os_path(path);
        let home = Trash {
            directory: home_trash.to_owned(),
            top: home_trash.parent().unwrap_or(home_trash).to_owned(),
        };
        let (parent, name) = self.root.parent(path)?;
        let device = statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)?.st_dev;
        let volume;
        let trash = if existing_device(&home.directory)? == device {
            &home
        } else {
            volume = volume_trash(&os_path)?;
            &volume
        };
        let rename = |from: Place<'_>, to: Place<'_>| Ok(renameat(from.0, from.1, to.0, to.1)?);
        match self.throw(path, &os_path, trash, rename) {
            // Also between two mounts of one device.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::XDEV) => {
                self.throw(path, &os_path, &home, |from, to| self.move_across(path, from, to))
            }
            result => result,
        }
    }

    fn throw(
        &self,
        path: &ContentsPath,
        os_path: &Path,
        trash: &Trash,
        move_to: impl Fn(Place<'_>, Place<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let (files, info) = (trash.directory.join("files"), trash.directory.join("info"));
        create_private(&files)?;
        create_private(&info)?;
        let info_text = info_text(os_path, &trash.top);
        let (parent, name) = self.root.parent(path)?;
        let target = openat(
            CWD,
            &files,
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        for count in 0..NAMES_MAX {
            let trashed = numbered(name, count);
            if statat(&target, &trashed, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
                continue;
            }
            let info_path = info.join(format!("{trashed}.trashinfo"));
            // The specification's way to claim a name: whoever creates the info file has it.
            let claimed = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&info_path);
            let mut info_file = match claimed {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            };
            let moved = io::Write::write_all(&mut info_file, info_text.as_bytes())
                .and_then(|()| move_to((&parent, name), (&target, &trashed)));
            if moved.is_err() {
                std::fs::remove_file(&info_path)?;
            }
            return moved;
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

/// `a.txt`, `a 1.txt`, …
fn numbered(name: &str, count: u32) -> String {
    if count == 0 {
        return name.to_owned();
    }
    match name.rsplit_once('.') {
        Some((base, extension)) if !base.is_empty() => format!("{base} {count}.{extension}"),
        _ => format!("{name} {count}"),
    }
}

fn info_text(os_path: &Path, top: &Path) -> String {
    let path = os_path.strip_prefix(top).unwrap_or(os_path);
    let quoted = percent_encode(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()), QUOTED);
    let date = jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S").to_string();
    format!("[Trash Info]\nPath={quoted}\nDeletionDate={date}\n")
}

/// The trash of the volume `os_path` is on.
fn volume_trash(os_path: &Path) -> io::Result<Trash> {
    let top = mount_point(os_path)?;
    let user = rustix::process::getuid().as_raw();
    let shared = top.join(".Trash");
    if let Ok(metadata) = shared.symlink_metadata()
        && metadata.is_dir()
        && metadata.permissions().mode() & 0o1000 != 0
        && create_private(&shared.join(user.to_string())).is_ok()
    {
        return Ok(Trash {
            directory: shared.join(user.to_string()),
            top,
        });
    }
    let directory = top.join(format!(".Trash-{user}"));
    create_private(&directory)?;
    Ok(Trash { directory, top })
}

/// The highest directory on the same device.
fn mount_point(os_path: &Path) -> io::Result<PathBuf> {
    let directory = os_path.parent().unwrap_or(Path::new("/")).canonicalize()?;
    let device = directory.symlink_metadata()?.dev();
    let on_device = |ancestor: &&Path| {
        ancestor
            .symlink_metadata()
            .is_ok_and(|metadata| metadata.dev() == device)
    };
    Ok(directory
        .ancestors()
        .take_while(on_device)
        .last()
        .unwrap_or(&directory)
        .to_owned())
}

/// The device a directory is on, or would be on once it is made.
fn existing_device(directory: &Path) -> io::Result<u64> {
    let existing = directory
        .ancestors()
        .find_map(|ancestor| ancestor.metadata().ok());
    existing
        .map(|metadata| metadata.dev())
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn create_private(directory: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
}
