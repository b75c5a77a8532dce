//! Listings, whole or in pages, and what they leave out.

use super::{ContentsManager, Get, Shared};
use crate::error::ContentsError;
use crate::hidden::is_shown_name;
use crate::model::{Content, ContentsModel, Paged};
use crate::path::ContentsPath;
use crate::storage::{Entry, Kind, Listing, Name, Told};

/// Which part of a listing is wanted. Pages are in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Most entries it has.
    pub limit: Option<usize>,
    /// The name it comes after, be it still there or not: what is made or removed meanwhile moves nothing.
    pub after: Option<String>,
}

/// An entry of a directory that is shown, before anything else is known of it.
#[derive(Clone, Debug)]
pub struct ShownName {
    path: ContentsPath,
    name: Name,
}

impl ShownName {
    /// The path of the entry.
    pub fn path(&self) -> &ContentsPath {
        &self.path
    }
}

impl ContentsManager {
    /// What a listing of a directory shows, by name. Hardly any entry is looked at for it.
    ///
    /// # Errors
    /// [`ContentsError::NotFound`] also for what is hidden, [`ContentsError::TooManyEntries`].
    pub async fn shown_names(&self, directory: &ContentsPath) -> Result<Vec<ShownName>, ContentsError> {
        let directory = directory.clone();
        self.blocking(move |shared| shared.shown_names(&directory)).await
    }

    /// The model of a directory with one page of `names`, which are those of [`ContentsManager::shown_names`] that
    /// whoever asks may see.
    ///
    /// # Errors
    /// [`ContentsError::NotFound`] also for what is hidden.
    pub async fn page(
        &self,
        directory: &ContentsPath,
        names: Vec<ShownName>,
        page: Page,
    ) -> Result<ContentsModel, ContentsError> {
        let directory = directory.clone();
        self.blocking(move |shared| shared.page(&directory, &names, &page))
            .await
    }
}

impl Shared {
    pub(super) fn shown_names(&self, directory: &ContentsPath) -> Result<Vec<ShownName>, ContentsError> {
        let mut listing = self.listing(directory)?;
        let mut names = self.names(directory, &mut listing)?;
        names.retain(|name| self.is_listed_by_name(name, &listing));
        names.sort_unstable();
        let with_path = |name: Name| {
            let path = directory.join(&name.text).ok()?;
            Some(ShownName { path, name })
        };
        Ok(names.into_iter().filter_map(with_path).collect())
    }

    /// Looks at an entry only where its name leaves open whether it is listed.
    fn is_listed_by_name(&self, name: &Name, listing: &Listing) -> bool {
        is_shown_name(&self.config, &name.text)
            && match name.told() {
                Told::File => true,
                // Also one that may not be looked into.
                Told::Directory => true,
                Told::Special => false,
                Told::Nothing => match listing.entry(name) {
                    Ok(entry) => entry.is_some_and(|entry| is_listed_entry(&entry)),
                    Err(_) => true,
                },
            }
    }

    fn page(
        &self,
        directory: &ContentsPath,
        names: &[ShownName],
        page: &Page,
    ) -> Result<ContentsModel, ContentsError> {
        let mut model = self.get(directory, Get::default())?;
        let start = match &page.after {
            Some(after) => names.partition_point(|shown| shown.name.text <= *after),
            None => 0,
        };
        let left = names.get(start..).unwrap_or_default();
        let on_page = left.get(..page.limit.unwrap_or(left.len())).unwrap_or(left);
        let listing = self.listing(directory)?;
        let entries = on_page.iter().filter_map(|shown| {
            let entry = listing.entry(&shown.name).ok().flatten()?;
            Some(self.model(shown.path.clone(), &entry))
        });
        model.content = Some(Content::Directory(entries.collect()));
        let is_last = on_page.len() == left.len();
        let last = on_page.last().map(|shown| shown.name.text.clone());
        model.paged = Some(Paged {
            total: names.len(),
            next: last.or_else(|| page.after.clone()).filter(|_| !is_last),
        });
        Ok(model)
    }

    /// The entries of a directory that Jupyter shows, each equal to its model without content; in the order the file
    /// system gives them.
    pub(super) fn list(&self, directory: &ContentsPath) -> Result<Vec<ContentsModel>, ContentsError> {
        let mut listing = self.listing(directory)?;
        let names = self.names(directory, &mut listing)?;
        let entries = names
            .iter()
            .filter(|name| is_shown_name(&self.config, &name.text));
        Ok(entries
            .filter_map(|name| listing.entry(name).ok().flatten())
            .filter(is_listed_entry)
            .filter_map(|entry| self.listed(directory, &entry))
            .collect())
    }

    /// Begins to list a directory that may be seen.
    pub(crate) fn listing(&self, path: &ContentsPath) -> Result<Listing, ContentsError> {
        match self.kind(path)? {
            None => return Err(ContentsError::NotFound(path.clone())),
            Some(_) if self.is_hidden_by_name(path) => return Err(ContentsError::NotFound(path.clone())),
            Some(Kind::Directory) => {}
            Some(Kind::File | Kind::Other) => return Err(ContentsError::IsNotDirectory(path.clone())),
        }
        let listing = self.storage.listing(path);
        listing.map_err(|source| ContentsError::from_io("listing", path, source))
    }

    fn names(&self, directory: &ContentsPath, listing: &mut Listing) -> Result<Vec<Name>, ContentsError> {
        let entries_max = self.config.directory_entries_max;
        listing.names(entries_max).map_err(|source| match source.kind() {
            std::io::ErrorKind::QuotaExceeded => ContentsError::TooManyEntries {
                path: directory.clone(),
                entries_max,
            },
            _ => ContentsError::from_io("listing", directory, source),
        })
    }

    /// A name that is no part of a path (it has escapes and is too long) can't be opened anyway.
    fn listed(&self, directory: &ContentsPath, entry: &Entry) -> Option<ContentsModel> {
        Some(self.model(directory.join(&entry.name).ok()?, entry))
    }

    /// Whether an entry of a directory that may be seen is shown in its listing.
    pub(crate) fn is_listed(&self, entry: &Entry) -> bool {
        is_shown_name(&self.config, &entry.name) && is_listed_entry(entry)
    }
}

/// What the name does not say.
fn is_listed_entry(entry: &Entry) -> bool {
    entry.kind != Kind::Other || entry.is_link
}
