//! Sessions: which document uses which kernel.
//!
//! **Architecture invariant:** this crate knows neither HTTP nor users. [`SessionManager`] starts and ends
//! kernels through `kernels`, and holds no more than a list beside them: a session whose kernel is gone is gone.

mod error;
mod id;
mod manager;
mod model;
mod records;

pub use error::SessionsError;
pub use id::{BadSessionId, SessionId};
pub use manager::{
    Changes, KernelChange, KernelChoice, NewKernel, NewSession, SESSIONS_MAX, SessionManager, Turn,
};
pub use model::{NotebookModel, SessionModel};
