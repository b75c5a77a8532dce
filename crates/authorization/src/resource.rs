//! What a request is about: kinds of resources, how a URL names one, and what a policy is told of it.

use std::{fmt, marker::PhantomData, str::FromStr, sync::Arc};

use crate::NotFound;

/// The kinds of resources a policy can tell apart. The words are those of Jupyter's authorizers where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(
    missing_docs,
    reason = "the words are Jupyter's own; docs/authorization.md has the table"
)]
pub enum ResourceKind {
    Contents,
    Checkpoints,
    Trust,
    Uploads,
    Kernels,
    Kernelspecs,
    Sessions,
    Channels,
    Terminals,
    Config,
    Events,
    Nbconvert,
    Settings,
    Workspaces,
    Extensions,
    Translations,
    Lsp,
    Csp,
    Users,
    Tokens,
    Policy,
    Server,
    Api,
}

impl ResourceKind {
    /// All kinds, in the order of the documentation.
    pub const ALL: [Self; 23] = [
        Self::Contents,
        Self::Checkpoints,
        Self::Trust,
        Self::Uploads,
        Self::Kernels,
        Self::Kernelspecs,
        Self::Sessions,
        Self::Channels,
        Self::Terminals,
        Self::Config,
        Self::Events,
        Self::Nbconvert,
        Self::Settings,
        Self::Workspaces,
        Self::Extensions,
        Self::Translations,
        Self::Lsp,
        Self::Csp,
        Self::Users,
        Self::Tokens,
        Self::Policy,
        Self::Server,
        Self::Api,
    ];

    /// The word for it in policies, logs, messages and `/api/me?permissions`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contents => "contents",
            Self::Checkpoints => "checkpoints",
            Self::Trust => "trust",
            Self::Uploads => "uploads",
            Self::Kernels => "kernels",
            Self::Kernelspecs => "kernelspecs",
            Self::Sessions => "sessions",
            Self::Channels => "channels",
            Self::Terminals => "terminals",
            Self::Config => "config",
            Self::Events => "events",
            Self::Nbconvert => "nbconvert",
            Self::Settings => "settings",
            Self::Workspaces => "workspaces",
            Self::Extensions => "extensions",
            Self::Translations => "translations",
            Self::Lsp => "lsp",
            Self::Csp => "csp",
            Self::Users => "users",
            Self::Tokens => "tokens",
            Self::Policy => "policy",
            Self::Server => "server",
            Self::Api => "api",
        }
    }

    /// The kind of that name, if there is one.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One resource as a policy sees it. The guard fills in the owner and the shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceRef {
    /// What it is.
    pub kind: ResourceKind,
    /// Which one: a path, an id, a name; empty for the whole collection or the root directory.
    pub name: Arc<str>,
    /// The names of the directories it lies in, from the root (`""`) down; empty for what is no path.
    pub parents: Vec<Arc<str>>,
    /// The user who made it, where that is recorded.
    pub owner: Option<Arc<str>>,
    /// The users its owner shares it with.
    pub shares: Vec<Arc<str>>,
}

impl ResourceRef {
    /// A resource that lies in no directory: a kernel, a session, a config section.
    #[must_use]
    pub fn new(kind: ResourceKind, name: &str) -> Self {
        Self {
            kind,
            name: Arc::from(name),
            parents: Vec::new(),
            owner: None,
            shares: Vec::new(),
        }
    }

    /// A resource named by a path; its parents are the directories above it.
    #[must_use]
    pub fn path(kind: ResourceKind, path: &str) -> Self {
        let ends = path.match_indices('/').map(|(end, _)| end);
        let above = ends.filter_map(|end| path.get(..end)).map(Arc::from);
        let root = if path.is_empty() {
            None
        } else {
            Some(Arc::from(""))
        };
        Self {
            parents: root.into_iter().chain(above).collect(),
            ..Self::new(kind, path)
        }
    }

    /// Whether this is the collection itself (or the root directory), not one thing in it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.name.is_empty()
    }
}

/// A kind of resource and how a URL names one of it. Implemented in `api` by empty enums:
///
/// ```
/// # use authorization::{Resource, ResourceKind};
/// /// Sections of the front ends' configuration.
/// enum Config {}
///
/// impl Resource for Config {
///     const KINDS: &'static [ResourceKind] = &[ResourceKind::Config];
///     const PARAMETER: &'static str = "section";
///     type Name = String;
/// }
/// ```
pub trait Resource: Send + Sync + 'static {
    /// The kinds a name of it may refer to; documentation and default for [`Resource::references`].
    const KINDS: &'static [ResourceKind];

    /// The parameter of the route that names it: `"path"` for `/api/contents/{*path}`. In a route without this
    /// parameter the name is empty, which must parse: the root, or nothing in particular. (A server that registers a
    /// route for which it does not parse panics at start.) For the collection of things with ids, see [`Collection`].
    const PARAMETER: &'static str;

    /// The checked name: `ContentsPath`, `KernelId`, … A text that does not parse is a 404, as no such route is.
    type Name: FromStr + fmt::Display + Clone + Send + Sync + 'static;

    /// What a name refers to; *every* one must be allowed (a checkpoint is also an entry of contents).
    /// One reference of each of [`Resource::KINDS`] unless said otherwise; override it for paths, to give the parents.
    #[must_use]
    fn references(name: &Self::Name) -> Vec<ResourceRef> {
        let name = name.to_string();
        Self::KINDS
            .iter()
            .map(|kind| ResourceRef::new(*kind, &name))
            .collect()
    }

    /// The answer for a text that names nothing, if this kind has one of its own: as a rule there is no such page.
    #[must_use]
    fn unnamed(_error: &<Self::Name as FromStr>::Err) -> Option<Unnamed> {
        None
    }

    /// The answer for a name that does not exist. The guard gives the same for one that is hidden,
    /// so handlers must answer with this very value for what is missing.
    #[must_use]
    fn missing(_name: &Self::Name) -> NotFound {
        NotFound::Json("Not Found".to_owned())
    }
}

/// The answer for a text that names nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unnamed {
    /// As for what does not exist.
    NotFound(NotFound),
    /// 400 with a sentence: no name of this kind can be like that.
    BadRequest(String),
}

/// All resources of one kind together: what `POST /api/kernels` adds to.
///
/// Listing a collection is open to any identity and filtered ([`crate::Caller::keep_allowed`]);
/// creating in it asks `Authorized<Write, Collection<Kernels>>`.
#[derive(Debug)]
pub struct Collection<R>(PhantomData<fn() -> R>);

impl<R: Resource> Resource for Collection<R> {
    const KINDS: &'static [ResourceKind] = R::KINDS;
    const PARAMETER: &'static str = "";
    type Name = Whole;
}

/// The name of what is only there once: a [`Collection`], the server, the event bus. Its text is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Whole;

impl FromStr for Whole {
    type Err = NamesNothing;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            Ok(Self)
        } else {
            Err(NamesNothing)
        }
    }
}

impl fmt::Display for Whole {
    fn fmt(&self, _formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

/// A text that names nothing of the kind asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such name")]
pub struct NamesNothing;

/// The name of a resource that came in a body, a query or a message: nobody has decided about it yet.
/// It opens only with [`crate::Caller::also`].
pub struct Unchecked<R: Resource>(R::Name);

impl<R: Resource> Unchecked<R> {
    /// Marks a name that came from the caller.
    #[must_use]
    pub fn new(name: R::Name) -> Self {
        Self(name)
    }

    pub(crate) fn open(self) -> R::Name {
        self.0
    }
}

impl<R: Resource> Clone for Unchecked<R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<R: Resource> fmt::Debug for Unchecked<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Unchecked({})", self.0)
    }
}

impl<R: Resource> FromStr for Unchecked<R> {
    type Err = <R::Name as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl<'de, R: Resource> serde::Deserialize<'de> for Unchecked<R> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let kind = R::KINDS.first().map_or("resource", |kind| kind.as_str());
        text.parse()
            .map_err(|_| serde::de::Error::custom(format!("`{text}` does not name anything in {kind}")))
    }
}
