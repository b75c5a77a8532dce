//! A type that declares itself an access.
use authorization::{Access, Requirement};

struct Everyone;

impl Access for Everyone {
    const REQUIREMENT: Requirement = Requirement::Anyone;
}

fn main() {}
