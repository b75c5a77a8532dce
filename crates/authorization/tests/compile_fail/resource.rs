// The resource of all cases.
pub enum Files {}

impl authorization::Resource for Files {
    const KINDS: &'static [authorization::ResourceKind] = &[authorization::ResourceKind::Contents];
    const PARAMETER: &'static str = "path";
    type Name = String;
}
