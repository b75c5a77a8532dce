//! What the user of a page may do, as far as pages care.

use authorization::{Action, Caller, ResourceKind};
use frontends::PagePermissions;

/// Asks about each kind in general; nothing is logged, for nobody tried anything.
pub(crate) async fn of_page(caller: &Caller) -> PagePermissions {
    PagePermissions {
        write_contents: caller.permits(Action::Write, ResourceKind::Contents).await,
        execute_kernels: caller.permits(Action::Execute, ResourceKind::Kernels).await,
        write_settings: caller.permits(Action::Write, ResourceKind::Settings).await,
        write_workspaces: caller.permits(Action::Write, ResourceKind::Workspaces).await,
        write_extensions: caller.permits(Action::Write, ResourceKind::Extensions).await,
    }
}
