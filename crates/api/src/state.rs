//! What handlers work with. Each takes the one manager it needs, `State<KernelManager>`, not the whole.

use axum::extract::FromRef;
use frontends::OwnPages;
use identity::BaseUrl;
use kernels::KernelManager;
use sessions::SessionManager;

use crate::{ChannelsConfig, Connections};

/// The managers, made by `server`; each is cheap to clone.
/// A service adds its manager here and a line to `parts!` below, so that handlers can take it as `State<Manager>`.
#[derive(Clone)]
pub struct AppState {
    /// Login, logout, errors and the start page.
    pub own_pages: OwnPages,
    /// The prefix of all URLs, for `Location` headers.
    pub base_url: BaseUrl,
    /// Running kernels and installed kernelspecs.
    pub kernels: KernelManager,
    /// Which document uses which kernel.
    pub sessions: SessionManager,
    /// The limits of kernel channels.
    pub channels: ChannelsConfig,
    /// The open WebSockets.
    pub connections: Connections,
}

macro_rules! parts {
    ($($field:ident: $part:ty,)*) => {
        $(
            impl FromRef<AppState> for $part {
                fn from_ref(state: &AppState) -> Self {
                    state.$field.clone()
                }
            }
        )*
    };
}

parts! {
    own_pages: OwnPages,
    base_url: BaseUrl,
    kernels: KernelManager,
    sessions: SessionManager,
    channels: ChannelsConfig,
    connections: Connections,
}
