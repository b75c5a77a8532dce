//! What handlers work with. Each takes the one manager it needs, `State<KernelManager>`, not the whole.

use axum::extract::FromRef;
use frontends::OwnPages;

/// The managers, made by `server`; each is cheap to clone.
/// A service adds its manager here and a line to `parts!` below, so that handlers can take it as `State<Manager>`.
#[derive(Clone)]
pub struct AppState {
    /// Login, logout, errors and the start page.
    pub own_pages: OwnPages,
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
}
