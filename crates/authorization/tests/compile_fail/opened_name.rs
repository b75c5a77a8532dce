//! A name out of a body, used without asking.
use authorization::Unchecked;

#[path = "resource.rs"]
mod resource;
use resource::Files;

fn open(named: Unchecked<Files>) -> String {
    named.0
}

fn main() {
    let _ = open;
}
