//! Who is told what is done to kernels.

use std::sync::Arc;

use crate::KernelId;

/// Told of everything that was done to a kernel, or was tried. It must not block.
pub trait KernelObserver: Send + Sync + 'static {
    /// This was done.
    fn done(&self, done: KernelDone);
}

/// Something that was done to a kernel, or was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelDone {
    /// What it is.
    pub action: KernelAction,
    /// To which kernel.
    pub id: KernelId,
    /// The name of its kernelspec, as it was asked for.
    pub name: Arc<str>,
    /// Why it failed, should it have.
    pub failure: Option<String>,
}

/// What can be done to a kernel, in Jupyter's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words are Jupyter's own")]
pub enum KernelAction {
    Start,
    Interrupt,
    Restart,
    Shutdown,
}

impl KernelAction {
    /// The word in events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Interrupt => "interrupt",
            Self::Restart => "restart",
            Self::Shutdown => "shutdown",
        }
    }
}

/// Tells nobody.
pub(crate) struct Unobserved;

impl KernelObserver for Unobserved {
    fn done(&self, _done: KernelDone) {}
}
