//! The built-in policies: one for a single owner, and Jupyter's three classic examples.

use std::sync::Arc;

use futures::future::BoxFuture;
use identity::Identity;
use tokio::sync::watch;

use crate::{Action, Authorizer, Covers, Decision, Reason, ResourceKind, ResourceRef};

/// The names under which `--policy` knows them.
pub const NAMES: [&str; 4] = ["owner", "read-only", "read-write", "temporary"];

/// Everything is allowed to whoever is logged in: the single user of a server of their own.
#[must_use]
pub fn owner() -> Arc<dyn Authorizer> {
    BuiltIn::shared("owner", |_, _| None)
}

/// Only looking: nothing can be made, changed, deleted or run.
#[must_use]
pub fn read_only() -> Arc<dyn Authorizer> {
    BuiltIn::shared("read-only", |action, _| match action {
        Action::Read => None,
        Action::Write | Action::Execute => Some(None),
    })
}

/// Looking and changing, but nothing can be run.
#[must_use]
pub fn read_write() -> Arc<dyn Authorizer> {
    BuiltIn::shared("read-write", |action, _| match action {
        Action::Read | Action::Write => None,
        Action::Execute => Some(None),
    })
}

/// A temporary notebook: everything but saving. Whatever would write a file below the root, or state of the server
/// that outlives the visit, is refused.
#[must_use]
pub fn temporary() -> Arc<dyn Authorizer> {
    BuiltIn::shared("temporary", |action, kind| match (action, kind) {
        (Action::Read | Action::Execute, _) => None,
        (
            Action::Write,
            ResourceKind::Contents
            | ResourceKind::Checkpoints
            | ResourceKind::Trust
            | ResourceKind::Uploads
            | ResourceKind::Nbconvert,
        ) => Some(Some(
            "This notebook is temporary: it can be run, but not saved on this server.",
        )),
        (
            Action::Write,
            ResourceKind::Config
            | ResourceKind::Settings
            | ResourceKind::Workspaces
            | ResourceKind::Extensions
            | ResourceKind::Users
            | ResourceKind::Tokens
            | ResourceKind::Policy
            | ResourceKind::Server,
        ) => Some(None),
        (
            Action::Write,
            ResourceKind::Kernels
            | ResourceKind::Kernelspecs
            | ResourceKind::Sessions
            | ResourceKind::Channels
            | ResourceKind::Terminals
            | ResourceKind::Events
            | ResourceKind::Translations
            | ResourceKind::Lsp
            | ResourceKind::Csp
            | ResourceKind::Api,
        ) => None,
    })
}

/// The built-in policy of that name, if there is one.
#[must_use]
pub fn named(name: &str) -> Option<Arc<dyn Authorizer>> {
    match name {
        "owner" => Some(owner()),
        "read-only" => Some(read_only()),
        "read-write" => Some(read_write()),
        "temporary" => Some(temporary()),
        _ => None,
    }
}

/// `None`: allowed. `Some`: refused, with a sentence should the usual one not do.
type Refuses = fn(Action, ResourceKind) -> Option<Option<&'static str>>;

/// A policy that depends on the action and the kind alone: not on the user, nor on who owns what.
struct BuiltIn {
    name: &'static str,
    refuses: Refuses,
    /// Never written to: a built-in policy does not change while the server runs.
    changes: watch::Sender<()>,
}

impl BuiltIn {
    fn shared(name: &'static str, refuses: Refuses) -> Arc<dyn Authorizer> {
        Arc::new(Self {
            name,
            refuses,
            changes: watch::channel(()).0,
        })
    }
}

impl Authorizer for BuiltIn {
    fn decide<'a>(
        &'a self,
        _identity: &'a Identity,
        action: Action,
        resource: &'a ResourceRef,
    ) -> BoxFuture<'a, Decision> {
        let decision = match (self.refuses)(action, resource.kind) {
            None => Decision::Allow,
            Some(None) => Decision::forbidden_by(self.name),
            Some(Some(message)) => Decision::Forbid(Reason::new(self.name).saying(message)),
        };
        Box::pin(std::future::ready(decision))
    }

    fn covers<'a>(
        &'a self,
        _identity: &'a Identity,
        action: Action,
        directory: &'a ResourceRef,
    ) -> BoxFuture<'a, Covers> {
        let covers = match (self.refuses)(action, directory.kind) {
            None => Covers::All,
            Some(_) => Covers::None,
        };
        Box::pin(std::future::ready(covers))
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }
}
