use serde::Serialize;

/// A front end that can be opened.
#[derive(Debug, Clone, Serialize)]
pub struct HomeEntry {
    /// Its name, with the version.
    pub name: String,
    /// Where it is, with `base_url`.
    pub url: String,
    /// A few words on what it is.
    pub description: &'static str,
}

/// A front end that is not installed.
#[derive(Debug, Clone, Serialize)]
pub struct MissingEntry {
    /// Its name.
    pub name: &'static str,
    /// The command that brings it.
    pub command: &'static str,
}

/// The start page: what can be opened, and how to get what cannot.
#[derive(Debug, Clone, Serialize)]
pub struct HomePage {
    /// What can be opened.
    pub front_ends: Vec<HomeEntry>,
    /// What is not installed.
    pub missing: Vec<MissingEntry>,
}
