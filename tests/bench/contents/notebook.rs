//! Notebooks as people have them, the same with every run: prose, code, logs, tables and pictures.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// Bytes of a picture before it is base64; the other outputs follow it in size. What a notebook costs depends on how
/// many cells its bytes are: with this the reference takes what it takes with the notebooks that the targets were set
/// with (27 and 35 ms for 1 MB, 1.7 and 2.4 s of CPU for 50 MB, to open and to save).
const PICTURE_BYTES: usize = 5_000;
/// What a line of a text takes in a file beyond its JSON: quotes, a comma, the indentation.
const LINE_BYTES: usize = 10;

/// A notebook that somebody works on.
pub(crate) struct Notebook {
    /// The bodies of one PUT and the next, as front ends send them. They differ in one cell, because a save that
    /// changes nothing writes nothing.
    pub(crate) bodies: [bytes::Bytes; 2],
}

impl Notebook {
    /// Whose file has about `bytes`: a good third of it pictures, a third logs, the rest tables, code and prose.
    pub(crate) fn of_about(bytes: usize) -> Self {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut cells = Vec::new();
        let mut written = 0;
        while written < bytes {
            for cell in [
                prose(&mut random),
                logs(&mut random, PICTURE_BYTES * 4 / 3),
                table(&mut random, PICTURE_BYTES * 2 / 3),
                picture(&mut random, PICTURE_BYTES),
                failure(&mut random),
            ] {
                let mut cell = cell;
                cell["id"] = json!(format!("{:08x}", cells.len()));
                let json = cell.to_string();
                written += json.len() + LINE_BYTES * json.matches("\\n").count();
                cells.push(cell);
            }
        }
        let mut content = json!({
            "cells": cells,
            "metadata": {
                "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                "language_info": {"name": "python", "version": "3.12.1", "file_extension": ".py",
                    "mimetype": "text/x-python", "pygments_lexer": "ipython3",
                    "codemirror_mode": {"name": "ipython", "version": 3}},
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        });
        let body = |content: &Value| {
            let body = json!({"type": "notebook", "format": "json", "content": content});
            body.to_string().into()
        };
        let before = body(&content);
        content["cells"][0]["source"] = json!("## One more look\n");
        Self {
            bodies: [before, body(&content)],
        }
    }
}

/// xorshift64*: enough to look different everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn float(&mut self) -> f64 {
        self.below(2_000_000) as f64 / 1000.0 - 1000.0
    }
}

fn code(count: u64, source: &str, outputs: &Value) -> Value {
    json!({"cell_type": "code", "execution_count": count, "source": source, "outputs": outputs,
        "metadata": {"tags": ["measured"], "execution": {"iopub.execute_input": "2026-01-02T03:04:05.678901Z"}}})
}

fn prose(random: &mut Random) -> Value {
    let mut source = format!(
        "## Step {}: naïve Bayes — \"why\" and how\n\n",
        random.below(1000)
    );
    for _ in 0..6 {
        source +=
            "The posterior is $p(\\theta \\mid x) \\propto p(x \\mid \\theta)\\,p(\\theta)$; see *Gelman*.\n";
    }
    json!({"cell_type": "markdown", "metadata": {}, "source": source})
}

fn logs(random: &mut Random, bytes: usize) -> Value {
    let mut text = String::new();
    while text.len() < bytes {
        let (epoch, batch) = (random.below(100), random.below(10_000));
        let (loss, seed) = (random.float(), random.next());
        text += &format!("epoch {epoch:3} batch {batch:5} loss={loss:.6} \"train/resnet\"\tGröße {seed}\n");
    }
    let source = "for epoch in range(100):\n    for batch in loader:\n        step(model, batch, \"adam\")\n";
    code(
        random.below(500),
        source,
        &json!([{"output_type": "stream", "name": "stdout", "text": text}]),
    )
}

fn table(random: &mut Random, bytes: usize) -> Value {
    let mut html = "<table border=\"1\" class=\"dataframe\">\n  <tbody>\n".to_owned();
    let mut plain = String::new();
    while html.len() < bytes {
        let (a, b) = (random.float(), random.float());
        html += &format!(
            "    <tr>\n      <th>{}</th>\n      <td>{a}</td>\n      <td>{b}</td>\n    </tr>\n",
            random.below(9999)
        );
        plain += &format!("{a:>12}  {b:>12}\n");
    }
    html += "  </tbody>\n</table>";
    let count = random.below(500);
    let output = json!({"output_type": "execute_result", "execution_count": count,
        "data": {"text/html": html, "text/plain": plain}, "metadata": {}});
    code(count, "frame.groupby(\"key\").mean()", &json!([output]))
}

fn picture(random: &mut Random, bytes: usize) -> Value {
    let pixels: Vec<u8> = (0..bytes / 8).flat_map(|_| random.next().to_le_bytes()).collect();
    let output = json!({"output_type": "display_data",
        "data": {"image/png": STANDARD.encode(pixels), "text/plain": "<Figure size 1600x1200 with 4 Axes>"},
        "metadata": {"image/png": {"height": 1200, "width": 1600}}});
    code(
        random.below(500),
        "plt.plot(xs, ys)\nplt.show()",
        &json!([output]),
    )
}

fn failure(random: &mut Random) -> Value {
    let line =
        "\u{1b}[0;31mKeyError\u{1b}[0m                                  Traceback (most recent call last)";
    code(
        random.below(500),
        "values['missing']",
        &json!([{"output_type": "error", "ename": "KeyError", "evalue": "'missing'",
            "traceback": [line, "\u{1b}[0;32m----> 1\u{1b}[0;31m values['missing']\u{1b}[0m", "KeyError: 'missing'"]}]),
    )
}
