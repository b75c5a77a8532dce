//! Moving an entry to another name, never over another one.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, RenameFlags, readlinkat, renameat, renameat_with, statat, symlinkat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::Storage;
use super::journal::Left;
use super::temporary::{random_digits, remove_entry};
use crate::path::ContentsPath;

/// The kind of note the journal keeps of a move to another device.
pub(super) const MOVING: &str = "moving";
/// And of one of which only the removal of what was put aside is left.
pub(super) const MOVED: &str = "moved";

/// What was put aside to be moved, for the next server if this one is killed.
#[derive(Serialize, Deserialize)]
struct Moving {
    from: String,
    aside: String,
}

impl Storage {
    /// Renames; [`io::ErrorKind::AlreadyExists`] if `to` is there and is not the very same file (on a file system
    /// that ignores case a name may differ from itself in case only). Across devices: copies and removes.
    pub(crate) fn rename(&self, from: &ContentsPath, to: &ContentsPath) -> io::Result<()> {
        let change = self.changes.begin();
        let (from_directory, from_name) = self.root.parent(from)?;
        let (to_directory, to_name) = self.root.parent(to)?;
        let source = statat(&from_directory, from_name, AtFlags::SYMLINK_NOFOLLOW)?;
        if let Ok(target) = statat(&to_directory, to_name, AtFlags::SYMLINK_NOFOLLOW) {
            if (source.st_dev, source.st_ino) != (target.st_dev, target.st_ino) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            return Ok(renameat(&from_directory, from_name, &to_directory, to_name)?);
        }
        match renameat_with(
            &from_directory,
            from_name,
            &to_directory,
            to_name,
            RenameFlags::NOREPLACE,
        ) {
            Ok(()) => Ok(()),
            Err(Errno::NOSYS | Errno::INVAL) if !to.is_within(from) => {
                Ok(renameat(&from_directory, from_name, &to_directory, to_name)?)
            }
            Err(Errno::XDEV) => {
                drop(change);
                if let Some(journal) = &self.journal {
                    journal.about_to_write(to, to_directory.as_fd())?;
                }
                self.move_across(from, (&from_directory, from_name), (&to_directory, to_name))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// To another device: put aside first, so that nothing is saved into what has been copied already. A link is made
    /// anew. [`io::ErrorKind::ResourceBusy`] while much is being changed.
    pub(super) fn move_across(
        &self,
        from: &ContentsPath,
        (directory, name): (&OwnedFd, &str),
        to: (&OwnedFd, &str),
    ) -> io::Result<()> {
        let mode = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode;
        if FileType::from_raw_mode(mode) == FileType::Symlink {
            symlinkat(&*readlinkat(directory, name, Vec::new())?, to.0, to.1)?;
            return self.remove_file(from);
        }
        // Not the name of a temporary: those are swept.
        let aside = format!(".~{}.moving", random_digits()?);
        let moving = Moving {
            from: from.as_str().to_owned(),
            aside: aside.clone(),
        };
        let text = serde_json::to_vec(&moving)?;
        let note = |kind: &str| {
            let note = self.journal.as_ref().map(|journal| journal.note(kind, &text));
            note.transpose()
        };
        let put_aside = note(MOVING)?;
        let begun = self.changes.begin_move().ok_or(io::ErrorKind::ResourceBusy)?;
        renameat(directory, name, directory, &aside)?;
        begun.put_aside();
        if let Err(error) = self.copy_as_it_is((directory, &aside), from, to) {
            if let Err(error) = put_back(directory, &aside, name) {
                tracing::error!(%from, aside, %error, "what could not be moved stays under another name");
            }
            return Err(error);
        }
        // The new note is there before the old one goes: what is whole in the new place is never put back.
        let moved = note(MOVED)?;
        drop(put_aside);
        // It has been moved, so a failure is only worth a line.
        if let Err(error) = remove_entry(directory.as_fd(), OsStr::new(&aside)) {
            tracing::warn!(%from, aside, %error, "some of what was moved to another device stays until the next start");
            if let Some(moved) = moved {
                moved.keep();
            }
        }
        Ok(())
    }

    /// Removes what a server that was killed had moved, and puts back what it had not.
    pub(super) fn end_moves(&self, left: &Left) -> io::Result<()> {
        for (from, moved) in noted(left, MOVED)? {
            let (directory, _) = self.root.parent(&from)?;
            match remove_entry(directory.as_fd(), OsStr::new(&moved.aside)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => result?,
            }
        }
        for (from, moving) in noted(left, MOVING)? {
            let (directory, name) = self.root.parent(&from)?;
            match put_back(&directory, &moving.aside, name) {
                Err(Errno::NOENT) => {} // not put aside yet
                Err(error) => {
                    tracing::error!(%from, moving.aside, %error, "what was being moved stays under another name");
                }
                Ok(()) => tracing::warn!(%from, "a move was interrupted; all is where it was"),
            }
        }
        Ok(())
    }
}

/// What the notes of a kind say. One that is not whole was not needed yet.
fn noted(left: &Left, kind: &str) -> io::Result<Vec<(ContentsPath, Moving)>> {
    let noted = left.notes(kind)?.into_iter().filter_map(|text| {
        let moving: Moving = serde_json::from_slice(&text).ok()?;
        Some((moving.from.parse().ok()?, moving))
    });
    Ok(noted.collect())
}

fn put_back(directory: &OwnedFd, aside: &str, name: &str) -> Result<(), Errno> {
    match renameat_with(directory, aside, directory, name, RenameFlags::NOREPLACE) {
        // Not every file system knows the flag.
        Err(Errno::INVAL | Errno::NOSYS) => match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => renameat(directory, aside, directory, name),
            Ok(_) => Err(Errno::EXIST),
            Err(error) => Err(error),
        },
        result => result,
    }
}
