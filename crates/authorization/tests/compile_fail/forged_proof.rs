//! A proof made without the guard.
use authorization::{Authorized, Caller, Read};

#[path = "resource.rs"]
mod resource;
use resource::Files;

fn forge(caller: Caller) -> Authorized<Read, Files> {
    Authorized { caller, resource: String::new() }
}

fn main() {
    let _ = forge;
}
