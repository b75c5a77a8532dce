//! The pages of the three front ends, rendered from their packages' own templates.

mod lab;
mod nbclassic;
mod notebook;

use minijinja::Environment;
use minijinja::value::Value;

use crate::FrontendsError;
pub use lab::{LabMode, LabPage};
pub(crate) use nbclassic::add_functions as add_nbclassic_functions;
pub use nbclassic::{NbclassicEdit, NbclassicNotebook, NbclassicTree};
pub use notebook::NotebookPage;

/// Renders `template`; says which one failed and at what.
fn render(engine: &Environment<'static>, template: &str, context: Value) -> Result<String, FrontendsError> {
    let loaded = engine
        .get_template(template)
        .map_err(|source| FrontendsError::LoadTemplate {
            template: template.to_owned(),
            source,
        })?;
    loaded
        .render(context)
        .map_err(|source| FrontendsError::RenderTemplate {
            template: template.to_owned(),
            source,
        })
}
