//! The server around the services: start, configuration, runtime files, signals, layers.

mod layers;
mod standing;
