//! What can go wrong with contents, in the reference's words where it has words.

use std::io;

use rustix::io::Errno;

use crate::path::{ContentsPath, PathError};
use crate::python_text::repr;

/// An operation that did not happen. Nothing was changed on disk.
#[derive(Debug, thiserror::Error)]
pub enum ContentsError {
    /// Nothing there, or nothing one may know of.
    #[error("File or directory does not exist: {0}")]
    NotFound(ContentsPath),
    /// What is to be read, copied or trusted does not exist.
    #[error("No such file or directory: {0}")]
    NoSuchEntry(ContentsPath),
    /// It is there, but nothing one may know of.
    #[error("{what} does not exist: {}", repr(path.as_str()))]
    Concealed {
        /// What is said to be missing.
        what: &'static str,
        /// The path.
        path: ContentsPath,
    },
    /// A directory to create in does not exist.
    #[error("No such directory: {0}")]
    NoSuchDirectory(ContentsPath),
    /// The directory to copy into does not exist.
    #[error("No such parent directory: {0} to copy file in")]
    NoParentToCopyInto(ContentsPath),
    /// No such checkpoint.
    #[error("Checkpoint does not exist: {path}@{id}")]
    NoSuchCheckpoint {
        /// Of the file.
        path: ContentsPath,
        /// As asked for.
        id: String,
    },
    /// Something is to be done with a hidden name.
    #[error("Cannot {verb} file or directory {}", quoted(path))]
    Hidden {
        /// create, rename, copy, delete.
        verb: &'static str,
        /// The hidden one, or the one that was to become it.
        path: ContentsPath,
    },
    /// A text in a request names nothing beneath the root.
    #[error(transparent)]
    Path(#[from] PathError),
    /// It is a directory and something else was asked for.
    #[error("{path} is a directory, not a {wanted}")]
    IsDirectory {
        /// What was named.
        path: ContentsPath,
        /// The type asked for.
        wanted: &'static str,
    },
    /// It is a file and a directory was asked for.
    #[error("{0} is not a directory")]
    IsNotDirectory(ContentsPath),
    /// A directory is to be made where a file is.
    #[error("Not a directory: {0}")]
    FileInTheWay(String),
    /// Neither file nor directory, or a link to nothing.
    #[error("Cannot read non-file {0}")]
    NotAFile(String),
    /// A link out of the root directory, whose target is shown but not given out as it is.
    #[error("{0} is not in the root directory")]
    LeadsOutside(ContentsPath),
    /// Text was asked for and the bytes are none.
    #[error("{0} is not UTF-8 encoded")]
    NotText(String),
    /// A file that is no notebook, opened or saved as one.
    #[error("Unreadable Notebook: {os_path} {why}")]
    UnreadableNotebook {
        /// The absolute name, as in the reference's message.
        os_path: String,
        /// In the words of the exceptions that users of Jupyter know.
        why: String,
    },
    /// The content to save is no notebook.
    #[error("Cannot save {path} as a notebook: {why}")]
    NotANotebook {
        /// Where it was to go.
        path: ContentsPath,
        /// What is wrong with it.
        why: String,
    },
    /// A save without a type.
    #[error("No file type provided")]
    NoType,
    /// A save without content.
    #[error("No file content provided")]
    NoContent,
    /// A type that is none.
    #[error("Unhandled contents type: {0}")]
    UnhandledType(String),
    /// Only files come in chunks.
    #[error("File type \"{0}\" is not supported for large file transfer")]
    NotInChunks(String),
    /// The format of content to save is neither text nor base64.
    #[error("Must specify format of file contents as 'text' or 'base64'")]
    NoFormat,
    /// Content that is not what its format says.
    #[error("Encoding error saving {os_path}: {why}")]
    Encoding {
        /// The absolute name, as in the reference's message.
        os_path: String,
        /// What is wrong.
        why: String,
    },
    /// POST creates; what is there is saved with PUT.
    #[error("Cannot POST to files, use PUT instead.")]
    PostToFile,
    /// PUT saves; copies are made with POST.
    #[error("Cannot copy with PUT, only POST")]
    CopyWithPut,
    /// The name is taken.
    #[error("File already exists: {0}")]
    Exists(ContentsPath),
    /// What is there is not what the request was made for.
    #[error("{0} has changed on disk since it was read, or is not (or no longer) there; nothing was changed")]
    Changed(ContentsPath),
    /// The root can't be deleted.
    #[error("Can't delete root")]
    DeleteRoot,
    /// Without a trash, a directory must be empty to be deleted.
    #[error("Directory {0} not empty")]
    DirectoryNotEmpty(String),
    /// The trash could not take it.
    #[error("send2trash failed: {0}")]
    Trash(#[source] io::Error),
    /// More than `max_copy_folder_size_mb`.
    #[error("Can't copy folders larger than {limit_mb}MB, \"{path}\" is larger")]
    FolderTooLarge {
        /// The directory.
        path: ContentsPath,
        /// The limit, in MiB.
        limit_mb: u64,
    },
    /// A directory could not be copied.
    #[error("Can't copy '{from}' into Folder '{to}'")]
    Copy {
        /// What was to be copied.
        from: ContentsPath,
        /// Where to.
        to: ContentsPath,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The operating system refuses.
    #[error("Permission denied: {0}")]
    PermissionDenied(ContentsPath),
    /// Larger than what is read into memory.
    #[error(
        "{path} is larger than {bytes_max} bytes (content_bytes_max), so it is not read as a whole; /files streams it"
    )]
    TooLarge {
        /// The file.
        path: ContentsPath,
        /// The limit.
        bytes_max: u64,
    },
    /// A directory with more entries than are listed.
    #[error("{path} has more than {entries_max} entries (directory_entries_max), so it is not listed")]
    TooManyEntries {
        /// The directory.
        path: ContentsPath,
        /// The limit.
        entries_max: usize,
    },
    /// Larger than the file system takes, or than a copy may be.
    #[error("{0} is too large")]
    FileTooLarge(ContentsPath),
    /// A name that exists, as the listing shows it, but can't be said in JSON or a URL.
    #[error("The name of {0} is not UTF-8, so it cannot be used here; give it another name in a terminal")]
    NotUtf8(ContentsPath),
    /// The disk or the quota is full.
    #[error("No space left on the disk for {0}; what was there is unchanged")]
    NoSpace(ContentsPath),
    /// Links that lead to one another.
    #[error("{0} is a link that leads to itself")]
    Circle(ContentsPath),
    /// Something is mounted on it, or it is in use in another way.
    #[error("{0} is in use: it may be mounted on its own, or something is being saved there")]
    Busy(ContentsPath),
    /// A name the file system does not take.
    #[error("{0} is not a name this file system takes")]
    BadName(ContentsPath),
    /// Only a notebook can be trusted.
    #[error("{0} is not a notebook")]
    TrustsOnlyNotebooks(ContentsPath),
    /// The root directory can't be served.
    #[error("failed to open the root directory `{root_dir}`")]
    Root {
        /// As configured.
        root_dir: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Anything else the operating system says.
    #[error("Unexpected error while {doing}: {path} {source}")]
    Io {
        /// `saving file` and the like.
        doing: &'static str,
        /// What was worked on.
        path: ContentsPath,
        /// What it said.
        source: io::Error,
    },
    /// The pre-save command does not want it.
    #[error("{}", refusal(path, why))]
    Refused {
        /// What was to be saved.
        path: ContentsPath,
        /// What it said.
        why: String,
    },
    /// The file is saved, but the post-save command failed.
    #[error("Unexpected error while running post hook save: {0}")]
    AfterSave(String),
    /// The blocking task was cancelled, as the server stops.
    #[error("the server is stopping")]
    Stopping,
}

/// What kind of failure it is, for whoever answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentsErrorKind {
    /// It is not there, or hidden.
    NotFound,
    /// The request makes no sense or may not be fulfilled for what it names.
    BadRequest,
    /// The name is taken.
    Conflict,
    /// What is there is in another version than the request wants to change.
    PreconditionFailed,
    /// The operating system refuses.
    Forbidden,
    /// Too large.
    TooLarge,
    /// Disk or quota full.
    NoSpace,
    /// Not the fault of the request.
    Internal,
}

impl ContentsError {
    /// Which answer this deserves.
    pub fn kind(&self) -> ContentsErrorKind {
        use ContentsErrorKind as Kind;
        match self {
            Self::NotFound(_)
            | Self::NoSuchEntry(_)
            | Self::Concealed { .. }
            | Self::NoSuchDirectory(_)
            | Self::NoParentToCopyInto(_)
            | Self::NoSuchCheckpoint { .. }
            | Self::Path(PathError::Outside(_) | PathError::Invalid(_)) => Kind::NotFound,
            Self::Hidden { .. }
            | Self::Path(PathError::TooLong { .. } | PathError::NotAName(_))
            | Self::IsDirectory { .. }
            | Self::IsNotDirectory(_)
            | Self::FileInTheWay(_)
            | Self::NotAFile(_)
            | Self::NotText(_)
            | Self::UnreadableNotebook { .. }
            | Self::NotANotebook { .. }
            | Self::NoType
            | Self::NoContent
            | Self::UnhandledType(_)
            | Self::NotInChunks(_)
            | Self::NoFormat
            | Self::Encoding { .. }
            | Self::PostToFile
            | Self::CopyWithPut
            | Self::DeleteRoot
            | Self::DirectoryNotEmpty(_)
            | Self::Trash(_)
            | Self::FolderTooLarge { .. }
            | Self::Copy { .. }
            | Self::BadName(_)
            | Self::Circle(_)
            | Self::Refused { .. }
            | Self::NotUtf8(_)
            | Self::TrustsOnlyNotebooks(_) => Kind::BadRequest,
            Self::Exists(_) | Self::Busy(_) => Kind::Conflict,
            Self::Changed(_) => Kind::PreconditionFailed,
            Self::PermissionDenied(_) | Self::LeadsOutside(_) => Kind::Forbidden,
            Self::TooLarge { .. } | Self::TooManyEntries { .. } | Self::FileTooLarge(_) => Kind::TooLarge,
            Self::NoSpace(_) => Kind::NoSpace,
            Self::Root { .. } | Self::AfterSave(_) | Self::Io { .. } | Self::Stopping => Kind::Internal,
        }
    }

    /// Jupyter's `reason`, a short phrase that front ends look at.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::IsDirectory { .. } | Self::IsNotDirectory(_) => Some("bad type"),
            Self::NotText(_) => Some("bad format"),
            _ => None,
        }
    }

    /// What an error of the operating system means for `path`.
    pub(crate) fn from_io(doing: &'static str, path: &ContentsPath, source: io::Error) -> Self {
        use io::ErrorKind as Kind;
        if Errno::from_io_error(&source) == Some(Errno::LOOP) {
            return Self::Circle(path.clone());
        }
        match source.kind() {
            Kind::NotFound | Kind::NotADirectory | Kind::StaleNetworkFileHandle => {
                Self::NotFound(path.clone())
            }
            Kind::PermissionDenied | Kind::ReadOnlyFilesystem => Self::PermissionDenied(path.clone()),
            Kind::StorageFull | Kind::QuotaExceeded => Self::NoSpace(path.clone()),
            Kind::FileTooLarge if doing == SAVING => Self::NoSpace(path.clone()),
            Kind::FileTooLarge => Self::FileTooLarge(path.clone()),
            Kind::ResourceBusy => Self::Busy(path.clone()),
            Kind::InvalidFilename => Self::BadName(path.clone()),
            Kind::AlreadyExists => Self::Exists(path.clone()),
            _ => Self::Io {
                doing,
                path: path.clone(),
                source,
            },
        }
    }
}

/// A path as the reference's handlers quote it: as in the URL, with a slash before all but the root.
pub fn quoted(path: &ContentsPath) -> String {
    if path.is_root() {
        repr("")
    } else {
        repr(&format!("/{path}"))
    }
}

/// What the command said, if anything.
fn refusal(path: &ContentsPath, why: &str) -> String {
    match why {
        "" => format!("the pre-save command refuses to save {path}"),
        why => why.to_owned(),
    }
}

/// What [`ContentsError::Io`] says of saves.
pub(crate) const SAVING: &str = "saving file";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_has_its_answer() {
        use ContentsErrorKind as Kind;
        let check = |errno: Errno, doing: &'static str, expected: Kind| {
            let error = ContentsError::from_io(doing, &ContentsPath::root(), errno.into());
            assert_eq!(error.kind(), expected, "{errno}: {error}");
        };
        for (errno, expected) in [
            (Errno::NOSPC, Kind::NoSpace),
            (Errno::DQUOT, Kind::NoSpace),
            (Errno::ROFS, Kind::Forbidden),
            (Errno::ACCESS, Kind::Forbidden),
            (Errno::NOENT, Kind::NotFound),
            (Errno::STALE, Kind::NotFound),
            (Errno::BUSY, Kind::Conflict),
            (Errno::NAMETOOLONG, Kind::BadRequest),
            (Errno::LOOP, Kind::BadRequest),
            (Errno::IO, Kind::Internal),
        ] {
            check(errno, SAVING, expected);
        }
        // `ulimit -f`, and a copy that grew too large.
        check(Errno::FBIG, SAVING, Kind::NoSpace);
        check(Errno::FBIG, "copying", Kind::TooLarge);
    }
}
