//! Which front end opens first.

use frontends::FrontEnd;

use super::classes;

/// The word after `adrastea`. All front ends that are found are served in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Application {
    /// `adrastea` or `adrastea server`: no browser is opened.
    #[default]
    Server,
    /// `adrastea lab`.
    Lab,
    /// `adrastea notebook`: Notebook 7.
    Notebook,
    /// `adrastea nbclassic`.
    NbClassic,
}

impl Application {
    /// The application of that name.
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "server" => Some(Self::Server),
            "lab" => Some(Self::Lab),
            "notebook" => Some(Self::Notebook),
            "nbclassic" => Some(Self::NbClassic),
            _ => None,
        }
    }

    /// Where `/` leads, below the base URL.
    pub(crate) fn default_url(self) -> &'static str {
        match self {
            Self::Server => "/",
            Self::Lab => "/lab",
            Self::Notebook => "/tree",
            Self::NbClassic => "/nbclassic/tree",
        }
    }

    /// The front end that opens a file given on the command line.
    pub(crate) fn front_end(self) -> FrontEnd {
        match self {
            Self::Server | Self::Lab => FrontEnd::Lab,
            Self::Notebook => FrontEnd::Notebook,
            Self::NbClassic => FrontEnd::Nbclassic,
        }
    }

    /// The prefix under which a file given on the command line opens.
    pub(crate) fn file_url_prefix(self) -> &'static str {
        match self {
            Self::Server | Self::Lab => "lab/tree",
            Self::Notebook => "notebooks",
            Self::NbClassic => "nbclassic/notebooks",
        }
    }

    /// Its classes of settings.
    pub(crate) fn classes(self) -> &'static [&'static str] {
        match self {
            Self::Server => classes::SERVER_ONLY,
            Self::Lab => classes::LAB,
            Self::Notebook => classes::NOTEBOOK,
            Self::NbClassic => classes::NBCLASSIC,
        }
    }
}
