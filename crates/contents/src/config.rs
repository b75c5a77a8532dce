//! What the contents service is told once.

use std::path::PathBuf;

use crate::manager::SaveCommands;
use crate::notebook::{SignatureAlgorithm, SigningSecret};
use crate::path::PATH_BYTES_MAX;
use crate::storage::OutsideLinks;
use crate::watch::WatchConfig;

/// Settings; the defaults are the reference's unless said otherwise.
#[derive(Clone, Debug)]
pub struct ContentsConfig {
    /// The directory that is served.
    pub root_dir: PathBuf,
    /// Where it is kept what must be put right after the server was killed; outside of `root_dir`. Without it a file
    /// that can't be replaced by a rename may be torn then.
    pub journal_dir: Option<PathBuf>,
    /// What becomes of symbolic links that lead out of it.
    pub outside_links: OutsideLinks,
    /// Programs that run before and after a save.
    pub save_commands: SaveCommands,
    /// Whether names that begin with a dot may be seen and used.
    pub allow_hidden: bool,
    /// Patterns of names left out of listings; they can be opened all the same.
    pub hide_globs: Vec<String>,
    /// Deleting moves to the trash.
    pub delete_to_trash: bool,
    /// Without a trash: a directory that is not empty may be deleted.
    pub always_delete_dir: bool,
    /// The user's trash, `$XDG_DATA_HOME/Trash`. Without it deleting to the trash fails and says so.
    pub trash_dir: Option<PathBuf>,
    /// What `~` stands for in `resolvePath`.
    pub home_dir: Option<PathBuf>,
    /// Largest directory that is copied, in MiB.
    pub max_copy_folder_size_mb: u64,
    /// Names of what is created without a name.
    pub untitled: Untitled,
    /// The directory for checkpoints, beside the files.
    pub checkpoint_dir: String,
    /// How trusted notebooks are signed.
    pub signature_algorithm: SignatureAlgorithm,
    /// What they are signed with: `notebook_secret` in Jupyter's data directory.
    pub signing_secret: SigningSecret,
    /// Files with types by extension, later over earlier.
    pub mime_types_files: Vec<PathBuf>,
    /// A save of what the file holds already leaves its bytes and times as they are; a notebook also when it is spelt
    /// differently (spaces, `1` for `1.0`, order of keys). The reference always writes.
    pub keep_unmodified: bool,
    /// Largest file that is read into memory for a model, in bytes; `/files` streams and has no limit.
    pub content_bytes_max: u64,
    /// Bytes of large documents (of 4 MiB and more) that are opened and saved at the same time; who asks for more
    /// waits. Meanwhile each takes up to four times its bytes of memory.
    pub large_documents_bytes_max: u64,
    /// Most entries of a directory that are listed.
    pub directory_entries_max: usize,
    /// Longest path, in bytes; at most [`PATH_BYTES_MAX`].
    pub path_bytes_max: usize,
    /// How changes on disk that others make are noticed.
    pub watch: WatchConfig,
}

/// Base names of what is created without a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untitled {
    /// Of notebooks.
    pub notebook: String,
    /// Of files.
    pub file: String,
    /// Of directories.
    pub directory: String,
}

impl ContentsConfig {
    /// The defaults for one root directory.
    pub fn new(root_dir: impl Into<PathBuf>) -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self {
            root_dir: root_dir.into(),
            journal_dir: None,
            outside_links: OutsideLinks::Follow,
            save_commands: SaveCommands::default(),
            allow_hidden: false,
            hide_globs: texts(&["__pycache__", "*.pyc", "*.pyo", ".DS_Store", "*~"]),
            delete_to_trash: true,
            always_delete_dir: false,
            trash_dir: None,
            home_dir: None,
            max_copy_folder_size_mb: 500,
            untitled: Untitled {
                notebook: "Untitled".to_owned(),
                file: "untitled".to_owned(),
                directory: "Untitled Folder".to_owned(),
            },
            checkpoint_dir: ".ipynb_checkpoints".to_owned(),
            signature_algorithm: SignatureAlgorithm::default(),
            signing_secret: SigningSecret::default(),
            mime_types_files: [
                "/etc/mime.types",
                "/etc/httpd/mime.types",
                "/etc/httpd/conf/mime.types",
                "/etc/apache/mime.types",
                "/etc/apache2/mime.types",
                "/usr/local/etc/httpd/conf/mime.types",
                "/usr/local/etc/mime.types",
            ]
            .map(PathBuf::from)
            .to_vec(),
            keep_unmodified: true,
            content_bytes_max: 2 << 30,
            large_documents_bytes_max: 64 << 20,
            directory_entries_max: 1_000_000,
            path_bytes_max: PATH_BYTES_MAX,
            watch: WatchConfig::default(),
        }
    }
}
