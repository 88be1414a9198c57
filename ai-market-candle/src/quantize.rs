//! Making 8-bit model folders.
//!
//! Each matrix becomes 8-bit integers with one f32 scale per row, which loses little accuracy and
//! makes a file a quarter of the size of f32. [`SequenceClassifier`](crate::SequenceClassifier) loads
//! such folders like any other and computes in f32.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, TensorView};

use crate::config::ModelConfig;
use crate::distilbert::DistilBert;
use crate::error::LoadError;
use crate::source::{ModelFiles, TokenizerFile};
use crate::weights::{Precision, WeightsError, WeightsFile, int8};

/// What a quantization did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Matrices that were rounded to 8 bits.
    pub matrices: usize,
    /// Tensors that were kept, in f32.
    pub kept: usize,
    /// Numbers in all of them.
    pub parameters: usize,
    /// Bytes of the weights before.
    pub bytes_before: usize,
    /// Bytes of the weights after.
    pub bytes_after: usize,
}

/// Why a folder was not quantized.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QuantizeError {
    /// The model cannot be loaded.
    #[error("the model to quantize cannot be loaded")]
    Load(#[from] LoadError),
    /// The model has 8-bit weights already.
    #[error("the model is stored in 8 bits already")]
    Already,
    /// There is something where the result should go.
    #[error("{} is not an empty folder", path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
    /// A file could not be written.
    #[error("{} cannot be written", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The weights could not be put into a file.
    #[error("the weights cannot be put into a file")]
    Serialize(#[source] Box<dyn Error + Send + Sync>),
}

/// Reads the model folder `from` and writes an 8-bit one of the same model to `to`.
///
/// Written are `model.safetensors`, `config.json`, and the tokenizer's files that are read. The same
/// input gives the same bytes.
///
/// # Errors
///
/// [`QuantizeError`]; [`QuantizeError::Occupied`] unless `to` is empty, does not exist, or
/// `overwrite` is set.
pub fn quantize_folder(from: &Path, to: &Path, overwrite: bool) -> Result<Report, QuantizeError> {
    let files = ModelFiles::from_folder(from)?;
    if !overwrite && is_occupied(to) {
        return Err(QuantizeError::Occupied {
            path: to.to_owned(),
        });
    }
    let (weights, report) = quantize(&files)?;
    write(to, None, |path| fs::create_dir_all(path))?;
    write(to, Some("config.json"), |path| {
        fs::write(path, &files.config)
    })?;
    match &files.tokenizer {
        TokenizerFile::Json(bytes) => {
            write(to, Some("tokenizer.json"), |path| fs::write(path, bytes))?;
        }
        TokenizerFile::Vocabulary(bytes) => {
            write(to, Some("vocab.txt"), |path| fs::write(path, bytes))?;
        }
    }
    if let Some(bytes) = &files.tokenizer_config {
        write(to, Some("tokenizer_config.json"), |path| {
            fs::write(path, bytes)
        })?;
    }
    write(to, Some("model.safetensors"), |path| {
        fs::write(path, &weights)
    })?;
    Ok(report)
}

/// Makes the 8-bit weights of a model: the bytes of a `model.safetensors`.
///
/// # Errors
///
/// [`QuantizeError::Load`] when the model cannot be run, [`QuantizeError::Already`] when its weights
/// have 8 bits.
pub fn quantize(files: &ModelFiles) -> Result<(Vec<u8>, Report), QuantizeError> {
    let config = ModelConfig::from_json(&files.config).map_err(LoadError::from)?;
    let model = DistilBert::load(config, &files.weights).map_err(LoadError::from)?;
    if model.precision() == Precision::Int8 {
        return Err(QuantizeError::Already);
    }
    let file = WeightsFile::parse(&files.weights).map_err(LoadError::from)?;
    let mut tensors = BTreeMap::new();
    let mut report = Report {
        matrices: 0,
        kept: 0,
        parameters: 0,
        bytes_before: files.weights.len(),
        bytes_after: 0,
    };
    for name in file.names() {
        if !["distilbert.", "pre_classifier.", "classifier."]
            .iter()
            .any(|p| name.starts_with(p))
        {
            continue;
        }
        let (shape, values) = take(&file, &name).map_err(LoadError::from)?;
        report.parameters += values.len();
        if let [rows, columns] = shape[..] {
            let mut bytes = Vec::with_capacity(values.len());
            let scales: Vec<f32> = values
                .chunks_exact(columns.max(1))
                .map(|row| int8::quantize_row(row, &mut bytes))
                .collect();
            let bytes = bytes.into_iter().map(i8::cast_unsigned).collect();
            let scale = format!("{name}{}", int8::SCALE_SUFFIX);
            tensors.insert(scale, (Dtype::F32, vec![rows], little_endian(&scales)));
            tensors.insert(name, (Dtype::I8, shape, bytes));
            report.matrices += 1;
        } else {
            tensors.insert(name, (Dtype::F32, shape, little_endian(&values)));
            report.kept += 1;
        }
    }
    let bytes = serialize(&tensors).map_err(|error| QuantizeError::Serialize(error.into()))?;
    report.bytes_after = bytes.len();
    Ok((bytes, report))
}

type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

fn take(file: &WeightsFile<'_>, name: &str) -> Result<(Vec<usize>, Vec<f32>), WeightsError> {
    let shape = file.shape(name)?;
    let values = file.tensor(name, &shape)?;
    Ok((shape, values))
}

fn serialize(tensors: &Tensors) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    let format = format!("{}{}", int8::FORMAT, int8::VERSION);
    let metadata = HashMap::from([(int8::FORMAT_KEY.to_owned(), format)]);
    let views = tensors
        .iter()
        .map(|(name, (dtype, shape, bytes))| {
            Ok((name, TensorView::new(*dtype, shape.clone(), bytes)?))
        })
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    safetensors::serialize(views, Some(metadata))
}

fn little_endian(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn is_occupied(path: &Path) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        // Something that is no folder, or that cannot be looked into.
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

fn write(
    folder: &Path,
    file: Option<&str>,
    action: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), QuantizeError> {
    let path = file.map_or_else(|| folder.to_owned(), |file| folder.join(file));
    action(&path).map_err(|source| QuantizeError::Write { path, source })
}
