//! The SQLite files: Adrastea's own state of one instance, and Jupyter's table of trusted notebooks.
//!
//! Architecture invariant: `store` knows rows, not what they mean: nothing else of ours, and no one else knows SQLite.

mod error;
mod instance;
mod migrations;
mod owners;
mod running;
mod signatures;
mod writer;

pub use error::StoreError;
pub use instance::{Instance, InstanceKey};
pub use owners::OwnerRow;
pub use running::{HostRow, SessionRow};
pub use signatures::{SIGNATURES_MAX, Signatures};
pub use writer::Store;
