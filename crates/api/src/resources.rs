//! The resources that URLs name, as empty enums for the signatures of handlers: `Authorized<Read, Kernels>`.
//!
//! What has ids or paths gives its type of name and overrides [`Resource::missing`] with the answer its handlers give
//! for what does not exist, so that hidden and missing look the same. `Collection<Kernels>` is all kernels together.

use authorization::{NotFound, Resource, ResourceKind, Whole};
use frontends::FrontendsError;
use kernels::{KernelError, KernelId, KernelspecName};
use sessions::{SessionId, SessionsError};

/// Resources whose names are plain words, or of which there is only one (no parameter).
macro_rules! simple_resources {
    ($($(#[$doc:meta])* $marker:ident: $kind:ident, $parameter:literal, $name:ty;)*) => {
        $(
            $(#[$doc])*
            pub(crate) enum $marker {}

            impl Resource for $marker {
                const KINDS: &'static [ResourceKind] = &[ResourceKind::$kind];
                const PARAMETER: &'static str = $parameter;
                type Name = $name;
            }
        )*
    };
}

simple_resources! {
    /// The server itself: its pages (read) and its shutdown (write).
    Server: Server, "", Whole;
    /// What the API says of itself: status and specification.
    Api: Api, "", Whole;
    /// What somebody is called.
    Users: Users, "", Whole;
    /// The event bus.
    Events: Events, "", Whole;
    /// Reports of browsers about the content security policy.
    Csp: Csp, "", Whole;
    /// Formats a notebook can be exported to.
    Nbconvert: Nbconvert, "", Whole;
    /// Language servers.
    Lsp: Lsp, "", Whole;
    /// Translations of the front ends.
    Translations: Translations, "", Whole;
    /// Front-end extensions, their manager and their build.
    Extensions: Extensions, "", Whole;
    /// A section of the front ends' configuration.
    Config: Config, "section", String;
}

/// JupyterLab's settings of one plugin.
pub(crate) enum Settings {}

impl Resource for Settings {
    const KINDS: &'static [ResourceKind] = &[ResourceKind::Settings];
    const PARAMETER: &'static str = "plugin";
    type Name = String;

    fn missing(plugin: &String) -> NotFound {
        NotFound::Json(FrontendsError::UnknownSchema { id: plugin.clone() }.to_string())
    }
}

/// A workspace of JupyterLab.
pub(crate) enum Workspaces {}

impl Resource for Workspaces {
    const KINDS: &'static [ResourceKind] = &[ResourceKind::Workspaces];
    const PARAMETER: &'static str = "workspace";
    type Name = String;

    fn missing(workspace: &String) -> NotFound {
        NotFound::Json(
            FrontendsError::UnknownWorkspace {
                name: workspace.clone(),
            }
            .to_string(),
        )
    }
}

/// A running kernel, by its id.
pub(crate) enum Kernels {}

impl Resource for Kernels {
    const KINDS: &'static [ResourceKind] = &[ResourceKind::Kernels];
    const PARAMETER: &'static str = "kernel_id";
    type Name = KernelId;

    fn missing(id: &KernelId) -> NotFound {
        NotFound::Json(KernelError::NoSuchKernel { id: id.clone() }.to_string())
    }
}

/// A kernelspec, by its name.
pub(crate) enum Kernelspecs {}

impl Resource for Kernelspecs {
    const KINDS: &'static [ResourceKind] = &[ResourceKind::Kernelspecs];
    const PARAMETER: &'static str = "kernelspec";
    type Name = KernelspecName;

    fn missing(name: &KernelspecName) -> NotFound {
        NotFound::Json(format!("Kernel spec {name} not found"))
    }
}

/// A session, by its id.
pub(crate) enum Sessions {}

impl Resource for Sessions {
    const KINDS: &'static [ResourceKind] = &[ResourceKind::Sessions];
    const PARAMETER: &'static str = "session_id";
    type Name = SessionId;

    fn missing(id: &SessionId) -> NotFound {
        NotFound::Json(SessionsError::NoSuchSession { id: id.clone() }.to_string())
    }
}
