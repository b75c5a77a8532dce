//! Who may do what, on the real server: every route of the table, every policy, every way to log in.

mod identity;
mod login;
mod me;
pub(crate) mod own_or_shared;
mod ownership;
mod policy_matrix;
mod runtime;
mod starting;
mod table_walk;
mod walk;
