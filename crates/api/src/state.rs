//! What handlers work with. Each takes the one manager it needs, `State<KernelManager>`, not the whole.

use authorization::Activity;
use axum::extract::FromRef;
use channels::RetellingRoom;
use contents::{ContentsManager, UploadManager};
use events::EventBus;
use frontends::{Frontends, OwnPages};
use identity::{BaseUrl, IdentityProvider};
use kernels::KernelManager;
use sessions::SessionManager;
use tokio_util::sync::CancellationToken;

use crate::{ChannelsConfig, Connections, KernelQuota, Merging, Metrics, Started};

/// The managers, made by `server`; each is cheap to clone.
/// A service adds its manager here and a line to `parts!` below, so that handlers can take it as `State<Manager>`.
#[derive(Clone)]
pub struct AppState {
    /// Login, logout, errors and the start page.
    pub own_pages: OwnPages,
    /// The front ends that are installed, and what they keep.
    pub frontends: Frontends,
    /// The prefix of all URLs, for `Location` headers.
    pub base_url: BaseUrl,
    /// Who requests are from.
    pub identity: IdentityProvider,
    /// When the API was last used.
    pub activity: Activity,
    /// When the server was started.
    pub started: Started,
    /// Cancelled when a client asks the server to stop.
    pub stop: CancellationToken,
    /// Files, directories and notebooks.
    pub contents: ContentsManager,
    /// Files that come in parts.
    pub uploads: UploadManager,
    /// Running kernels and installed kernelspecs.
    pub kernels: KernelManager,
    /// Which document uses which kernel.
    pub sessions: SessionManager,
    /// The limits of kernel channels.
    pub channels: ChannelsConfig,
    /// How many kernels a user may have.
    pub kernel_quota: KernelQuota,
    /// Where kernels are retold.
    pub retelling: RetellingRoom,
    /// What the server and its kernels use.
    pub metrics: Metrics,
    /// What becomes of outputs that nobody was there to save.
    pub merging: Merging,
    /// What happens on the server.
    pub events: EventBus,
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
    frontends: Frontends,
    base_url: BaseUrl,
    identity: IdentityProvider,
    activity: Activity,
    started: Started,
    stop: CancellationToken,
    contents: ContentsManager,
    uploads: UploadManager,
    kernels: KernelManager,
    sessions: SessionManager,
    channels: ChannelsConfig,
    kernel_quota: KernelQuota,
    retelling: RetellingRoom,
    metrics: Metrics,
    merging: Merging,
    events: EventBus,
    connections: Connections,
}
