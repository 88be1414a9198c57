//! Makes an 8-bit copy of a DistilBERT classifier folder, a quarter of the size of f32.
//!
//! ```text
//! cargo run --release --example quantize -- MODEL-FOLDER OUT-FOLDER
//! cargo run --release --example worker -- alice --model ./OUT-FOLDER
//! ```

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use ai_market_candle::quantize::quantize_folder;
use clap::Parser;

/// Makes an 8-bit copy of a DistilBERT classifier folder
///
/// Each matrix becomes 8-bit integers with one scale per row; everything else is kept in 32 bits.
/// The copy loads like any other model folder and computes in 32 bits.
#[derive(Parser)]
struct Options {
    /// A Hugging Face folder: config.json, model.safetensors (f32, f16 or bf16), and tokenizer.json
    /// or vocab.txt
    folder: PathBuf,
    /// The folder to write; it must be empty or not exist yet
    out: PathBuf,
    /// Writes into OUT even when it holds files, replacing those of the same names
    #[arg(long)]
    force: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match quantize_folder(&options.folder, &options.out, options.force) {
        Ok(report) => {
            println!(
                "{}: {} parameters, {} matrices in 8 bits, {} other tensors in 32",
                options.out.display(),
                report.parameters,
                report.matrices,
                report.kept,
            );
            println!(
                "model.safetensors: {} bytes, before {}",
                report.bytes_after, report.bytes_before
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprint!("error: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprint!(": {error}");
                cause = error.source();
            }
            eprintln!();
            ExitCode::FAILURE
        }
    }
}
