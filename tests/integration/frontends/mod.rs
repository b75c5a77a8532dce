//! The front ends as they are installed beside the tests' Python, and the reference beside our server.

mod pages;
mod reference;
mod refused;
mod settings;
mod site;
mod static_files;
mod translations;
mod workspaces;
