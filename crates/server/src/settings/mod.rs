//! Settings as Jupyter has them (traitlets): `Class.trait = value`, from files and from the command line.
//!
//! [`command_line`] and [`files`] write a [`Settings`]; [`reader`] reads it with types and class inheritance. What
//! nobody asked for is left over, and named once in a warning.

pub mod command_line;
pub mod files;
pub mod literal;
pub mod options;
pub mod reader;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Where a setting was given. Later variants win over earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A configuration file.
    File(PathBuf),
    /// The command line, in these words.
    CommandLine(String),
}

impl Source {
    /// Whether this beats every file.
    pub(crate) fn is_command_line(&self) -> bool {
        matches!(self, Self::CommandLine(_))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "in `{}`", path.display()),
            Self::CommandLine(words) => write!(formatter, "`{words}` on the command line"),
        }
    }
}

/// A value before its type is known.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw {
    /// From a file: it has a type of its own.
    Json(serde_json::Value),
    /// From the command line: one word for each time it was given.
    Words(Vec<String>),
}

/// One setting that was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its value.
    pub raw: Raw,
    /// Where it was given.
    pub source: Source,
}

/// All settings that were given, by class and trait.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    classes: BTreeMap<String, BTreeMap<String, Setting>>,
    /// What to tell the user once logging is set up.
    pub warnings: Vec<String>,
}

impl Settings {
    /// Sets `class.name`, replacing what was there: later files and the command line win.
    pub fn set(&mut self, class: &str, name: &str, raw: Raw, source: Source) {
        self.classes
            .entry(class.to_owned())
            .or_default()
            .insert(name.to_owned(), Setting { raw, source });
    }

    /// The setting, if it was given under exactly this class.
    pub fn get(&self, class: &str, name: &str) -> Option<&Setting> {
        self.classes.get(class)?.get(name)
    }

    /// Every setting with its class and name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &Setting)> {
        self.classes.iter().flat_map(|(class, settings)| {
            settings
                .iter()
                .map(move |(name, setting)| (class.as_str(), name.as_str(), setting))
        })
    }

    /// Lays `over` on top of this.
    pub fn merge(&mut self, over: Settings) {
        for (class, settings) in over.classes {
            self.classes.entry(class).or_default().extend(settings);
        }
        self.warnings.extend(over.warnings);
    }
}
