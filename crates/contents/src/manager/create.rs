//! Creating without a name: `Untitled.ipynb`, `Untitled1.ipynb`, …

use super::{Get, Shared};
use crate::error::ContentsError;
use crate::model::ContentsModel;
use crate::path::{ContentsPath, PathError};
use crate::save_model::SaveModel;
use crate::storage::{Existing, Kind};

/// Names tried before giving up.
const NAMES_MAX: u32 = 1_000_000;

/// What to create.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewEntry {
    /// `directory`, `file` or `notebook`; other words count as file. Without it the extension decides.
    pub entry_type: Option<String>,
    /// With its dot: `.txt`. Notebooks are `.ipynb` whatever it says.
    pub extension: String,
}

/// The parts of a name that is counted on.
pub(super) struct Numbered<'a> {
    base: &'a str,
    /// Before the number.
    insert: &'a str,
    suffix: &'a str,
}

impl<'a> Numbered<'a> {
    /// The number goes before all extensions (`a1.tar.gz`), with notebooks before the last (`a.b1.ipynb`).
    pub(super) fn new(name: &'a str, insert: &'a str) -> Self {
        let dot = match name.rsplit_once('.') {
            Some((base, "ipynb")) => Some(base.len()),
            _ => name.find('.'),
        };
        let (base, suffix) = name.split_at(dot.unwrap_or(name.len()));
        Self { base, insert, suffix }
    }

    pub(super) fn name(&self, count: u32) -> String {
        match count {
            0 => format!("{}{}", self.base, self.suffix),
            _ => format!("{}{}{count}{}", self.base, self.insert, self.suffix),
        }
    }
}

impl Shared {
    pub(super) fn create_untitled(
        &self,
        directory: &ContentsPath,
        new: &NewEntry,
    ) -> Result<ContentsModel, ContentsError> {
        match self.kind(directory)? {
            Some(Kind::Directory) => {}
            Some(Kind::File) => return Err(ContentsError::PostToFile),
            Some(Kind::Other) | None => return Err(ContentsError::NoSuchDirectory(directory.clone())),
        }
        self.refuse_hidden("create", directory)?;
        let names = &self.config.untitled;
        let entry_type = match new.entry_type.as_deref() {
            None | Some("") if new.extension == ".ipynb" => "notebook",
            None | Some("") => "file",
            Some(known @ ("directory" | "notebook")) => known,
            Some(_) => "file",
        };
        let (name, insert) = match entry_type {
            "directory" => (format!("{}{}", names.directory, new.extension), " "),
            "notebook" => (format!("{}.ipynb", names.notebook), ""),
            _ => (format!("{}{}", names.file, new.extension), ""),
        };
        // An extension with a slash would lead elsewhere: `join` refuses it.
        self.create_numbered(directory, &Numbered::new(&name, insert), |path| {
            let mut model = SaveModel {
                entry_type: Some(Some(entry_type.to_owned())),
                ..SaveModel::default()
            };
            self.complete_new(path, &mut model);
            match entry_type {
                "directory" => self.create_directory(path).map(|()| None),
                _ => {
                    self.before_save(path, &mut model)?;
                    let written = self.save(path, &model, Existing::Keep)?;
                    self.after_save(path, Some(entry_type))?;
                    Ok(written.message)
                }
            }
        })
    }

    /// Tries one name after the other until `create` finds one free; two at once never get the same. What `create`
    /// has to say becomes the message of the model.
    pub(super) fn create_numbered(
        &self,
        directory: &ContentsPath,
        numbered: &Numbered<'_>,
        create: impl Fn(&ContentsPath) -> Result<Option<String>, ContentsError>,
    ) -> Result<ContentsModel, ContentsError> {
        for count in 0..NAMES_MAX {
            let path = directory.join(&numbered.name(count))?;
            if self.exists(&path)? {
                continue;
            }
            self.refuse_hidden("create", &path)?;
            match create(&path) {
                Err(ContentsError::Exists(_)) => {}
                Err(error) => return Err(error),
                Ok(message) => {
                    let model = self.get(&path, Get::default())?;
                    return Ok(ContentsModel { message, ..model });
                }
            }
        }
        Err(PathError::NotAName(numbered.name(NAMES_MAX)).into())
    }

    pub(super) fn create_directory(&self, path: &ContentsPath) -> Result<(), ContentsError> {
        self.storage
            .create_directory(path)
            .map_err(|source| ContentsError::from_io("creating directory", path, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, insert: &str, expected: &str) {
        assert_eq!(Numbered::new(name, insert).name(2), expected);
    }

    #[test]
    fn numbers_go_where_the_reference_puts_them() {
        check("untitled", "", "untitled2");
        check("untitled.foo.bar", "", "untitled2.foo.bar");
        check("Untitled.ipynb", "", "Untitled2.ipynb");
        check("a.b.ipynb", "-Copy", "a.b-Copy2.ipynb");
        check("a.tar.gz", "-Copy", "a-Copy2.tar.gz");
        check("Untitled Folder", " ", "Untitled Folder 2");
        check(".bashrc", "-Copy", "-Copy2.bashrc");
        assert_eq!(Numbered::new("a.txt", "-Copy").name(0), "a.txt");
    }
}
