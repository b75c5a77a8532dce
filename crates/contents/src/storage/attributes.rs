//! What a file has besides its bytes: owner, mode, times, access control lists and other extended attributes.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::time::SystemTime;

use rustix::fs::{Gid, Mode, Stat, Timespec, Timestamps, Uid, fchmod, fchown, fstat, futimens};
use rustix::io::Errno;

/// Makes `new` what `old` is, so that it can take its place. An error means that it can't: in place all is kept.
pub(super) fn keep_all(new: &File, old: &File) -> io::Result<()> {
    keep_owner(new, old)?;
    fchmod(new, Mode::from_raw_mode(fstat(old)?.st_mode))?;
    extended::copy(new, old, extended::Strictness::AllThatCount)
}

/// Makes the owner of `new` that of the file it replaces.
pub(super) fn keep_owner(new: &File, old: &File) -> io::Result<()> {
    let (now, old) = (fstat(new)?, fstat(old)?);
    if (now.st_uid, now.st_gid) == (old.st_uid, old.st_gid) {
        return Ok(());
    }
    let (user, group) = (Uid::from_raw(old.st_uid), Gid::from_raw(old.st_gid));
    Ok(fchown(new, Some(user), Some(group))?)
}

/// Mode, times and extended attributes of a copy, as Python's `copystat`. The content counts: a file system that
/// keeps none of them only gets a line in the log, as in the reference.
pub(super) fn copy_stat(copy: impl AsFd, source: impl AsFd) {
    let copied = || -> io::Result<()> {
        let stat = fstat(&source)?;
        fchmod(&copy, Mode::from_raw_mode(stat.st_mode))?;
        extended::copy(&copy, &source, extended::Strictness::WhatCanBe)?;
        Ok(futimens(&copy, &times(&stat))?)
    };
    if let Err(error) = copied() {
        tracing::debug!(%error, "mode and times of a copied file could not be kept");
    }
}

/// Gives the file a time of its own. The file system's clock ticks every few milliseconds, and two saves within one
/// tick would have the same version.
pub(super) fn set_time(file: &File) {
    if let Err(error) = file.set_modified(SystemTime::now()) {
        tracing::debug!(%error, "a saved file has the time that the file system gave it");
    }
}

#[expect(
    clippy::useless_conversion,
    reason = "the field types differ between platforms"
)]
fn times(stat: &Stat) -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: stat.st_atime.into(),
            tv_nsec: nanoseconds(stat.st_atime_nsec),
        },
        last_modification: Timespec {
            tv_sec: stat.st_mtime.into(),
            tv_nsec: nanoseconds(stat.st_mtime_nsec),
        },
    }
}

fn nanoseconds<T: TryInto<rustix::fs::Nsecs>>(value: T) -> rustix::fs::Nsecs {
    value.try_into().unwrap_or(0)
}

/// Not every file system has them.
fn or_none<T: Default>(result: Result<T, Errno>) -> Result<T, Errno> {
    match result {
        Err(Errno::NOTSUP | Errno::NOSYS | Errno::INVAL | Errno::NODATA) => Ok(T::default()),
        result => result,
    }
}

#[cfg(target_os = "linux")]
mod extended {
    use std::ffi::CStr;
    use std::io;
    use std::os::fd::AsFd;

    use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr};
    use rustix::io::Errno;

    use super::or_none;

    /// Linux takes no longer lists and values.
    const BYTES_MAX: usize = 64 * 1024;
    const ACCESS_LIST: &CStr = c"system.posix_acl_access";

    #[derive(Clone, Copy, PartialEq, Eq)]
    pub(super) enum Strictness {
        /// Those of the user and the access control list must come along; those of security modules as they can.
        AllThatCount,
        WhatCanBe,
    }

    pub(super) fn copy(new: impl AsFd, old: impl AsFd, strictness: Strictness) -> io::Result<()> {
        let names = or_none(names(&old))?;
        for name in names.split_inclusive(|byte| *byte == 0) {
            let Ok(name) = CStr::from_bytes_with_nul(name) else {
                continue;
            };
            let copied = or_none(value(&old, name)).and_then(|value| match value.is_empty() {
                true if name == ACCESS_LIST => Ok(()),
                _ => fsetxattr(&new, name, &value, XattrFlags::empty()),
            });
            let counts = name == ACCESS_LIST || name.to_bytes().starts_with(b"user.");
            match copied {
                Err(error) if strictness == Strictness::AllThatCount && counts => return Err(error.into()),
                _ => {}
            }
        }
        // A list that the new file got from its directory would let in whom the old one did not.
        let is_listed = |wanted: &CStr| {
            names
                .split(|byte| *byte == 0)
                .any(|name| name == wanted.to_bytes())
        };
        if !is_listed(ACCESS_LIST) {
            or_none(fremovexattr(&new, ACCESS_LIST))?;
        }
        Ok(())
    }

    fn names(file: impl AsFd) -> Result<Vec<u8>, Errno> {
        let mut names = Vec::with_capacity(256);
        match flistxattr(&file, rustix::buffer::spare_capacity(&mut names)) {
            Err(Errno::RANGE) => {
                names.reserve(BYTES_MAX);
                flistxattr(&file, rustix::buffer::spare_capacity(&mut names))?;
            }
            result => {
                result?;
            }
        }
        Ok(names)
    }

    fn value(file: impl AsFd, name: &CStr) -> Result<Vec<u8>, Errno> {
        let mut value = Vec::with_capacity(BYTES_MAX);
        fgetxattr(file, name, rustix::buffer::spare_capacity(&mut value))?;
        Ok(value)
    }
}

#[cfg(not(target_os = "linux"))]
mod extended {
    use std::io;
    use std::os::fd::AsFd;

    #[derive(Clone, Copy, PartialEq, Eq)]
    pub(super) enum Strictness {
        AllThatCount,
        WhatCanBe,
    }

    pub(super) fn copy(_: impl AsFd, _: impl AsFd, _: Strictness) -> io::Result<()> {
        Ok(())
    }
}
