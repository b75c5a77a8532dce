//! The server around the services: start, configuration, runtime files, signals, layers.

mod commands;
mod configuration;
mod hostile_disk;
mod killed;
mod layers;
mod listening;
mod newcomer;
pub(crate) mod process;
mod restarting;
mod runtime_files;
mod setup;
mod slow_hosts;
mod standing;
mod stopping;
mod surviving;
mod versions;
