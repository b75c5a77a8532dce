//! An action that is not one of Jupyter's three.
use authorization::{Act, Action};

enum Glance {}

impl Act for Glance {
    const ACTION: Action = Action::Read;
}

fn main() {}
