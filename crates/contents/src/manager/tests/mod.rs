//! The manager on a real directory.

mod changing;
mod creating;
mod links;
mod listing;
mod reading;
mod save_commands;
mod saving;
mod trusting;
mod versions;
mod watching;

use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;

use super::{ContentsManager, Get};
use crate::observer::{ContentsObserver, Unobserved};
use crate::{
    Content, ContentsConfig, ContentsError, ContentsModel, ContentsPath, SaveModel, SignaturesInMemory,
};

/// A manager, and the directory it serves.
pub(super) struct Served {
    pub(super) manager: ContentsManager,
    pub(super) root: PathBuf,
    /// Beside the root: the trash and what must not be reached.
    pub(super) outside: PathBuf,
    _directory: TempDir,
}

pub(super) fn serve() -> Served {
    serve_with(|_| {})
}

pub(super) fn serve_with(configure: impl FnOnce(&mut ContentsConfig)) -> Served {
    serve_observed(configure, Arc::new(Unobserved))
}

pub(super) fn serve_observed(
    configure: impl FnOnce(&mut ContentsConfig),
    observer: Arc<dyn ContentsObserver>,
) -> Served {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    let outside = directory.path().join("outside");
    std::fs::create_dir(&root).unwrap();
    std::fs::create_dir(&outside).unwrap();
    let mut config = ContentsConfig::new(&root);
    config.trash_dir = Some(outside.join("Trash"));
    config.mime_types_files = Vec::new();
    configure(&mut config);
    let manager =
        ContentsManager::observed(config, Arc::new(SignaturesInMemory::default()), observer).unwrap();
    Served {
        manager,
        root,
        outside,
        _directory: directory,
    }
}

pub(super) fn path(text: &str) -> ContentsPath {
    text.parse().unwrap()
}

pub(super) fn save_model(json: &str) -> SaveModel {
    SaveModel::from_json(&json.to_owned().into())
        .unwrap()
        .unwrap_or_default()
}

pub(super) const WITH_CONTENT: Get = Get {
    entry_type: None,
    format: None,
    content: true,
    hash: false,
};

impl Served {
    pub(super) async fn get(&self, name: &str) -> Result<ContentsModel, ContentsError> {
        self.manager.get(&path(name), WITH_CONTENT).await
    }

    pub(super) async fn put(&self, name: &str, json: &str) -> Result<super::Saved, ContentsError> {
        self.manager.save(&path(name), save_model(json)).await
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) {
        let file = self.root.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }

    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.root.join(name)).unwrap()
    }

    /// All names beneath the root, sorted; directories end with a slash.
    pub(super) fn tree(&self) -> Vec<String> {
        fn walk(directory: &std::path::Path, prefix: &str, out: &mut Vec<String>) {
            for entry in std::fs::read_dir(directory).unwrap() {
                let entry = entry.unwrap();
                let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
                if entry.file_type().unwrap().is_dir() {
                    out.push(format!("{name}/"));
                    walk(&entry.path(), &format!("{name}/"), out);
                } else {
                    out.push(name);
                }
            }
        }
        let mut out = Vec::new();
        walk(&self.root, "", &mut out);
        out.sort();
        out
    }
}

pub(super) fn names(model: &ContentsModel) -> Vec<&str> {
    let Some(Content::Directory(entries)) = &model.content else {
        panic!("no directory: {model:?}")
    };
    let mut names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    names.sort_unstable();
    names
}

pub(super) fn text(model: &ContentsModel) -> &str {
    match &model.content {
        Some(Content::Text(text)) => text,
        Some(Content::Notebook(json)) => match &json[..] {
            [whole] => std::str::from_utf8(whole).unwrap(),
            pieces => panic!("{} pieces", pieces.len()),
        },
        other => panic!("no text: {other:?}"),
    }
}
