use std::cell::Cell;

use half::{bf16, f16};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::{Precision, WeightsError, int8};

/// A weight file in memory, from which tensors are taken as f32.
pub(crate) struct WeightsFile<'a> {
    tensors: SafeTensors<'a>,
    coarsest: Cell<Precision>,
}

impl<'a> WeightsFile<'a> {
    /// Checks the header against the bytes.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, WeightsError> {
        let unreadable =
            |error: safetensors::SafeTensorError| WeightsError::Unreadable(error.into());
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(unreadable)?;
        let format = metadata
            .metadata()
            .as_ref()
            .and_then(|notes| notes.get(int8::FORMAT_KEY));
        match format.and_then(|format| format.strip_prefix(int8::FORMAT)) {
            None | Some(int8::VERSION) => {}
            Some(other) => {
                let found = other.to_owned();
                return Err(WeightsError::Version {
                    found,
                    known: int8::VERSION,
                });
            }
        }
        Ok(Self {
            tensors,
            coarsest: Cell::new(Precision::F32),
        })
    }

    /// The names of all tensors, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .tensors
            .names()
            .into_iter()
            .map(str::to_owned)
            .collect();
        names.sort_unstable();
        names
    }

    /// Whether there is such a tensor.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.tensors.tensor(name).is_ok()
    }

    /// The shape of a tensor.
    pub(crate) fn shape(&self, name: &str) -> Result<Vec<usize>, WeightsError> {
        Ok(self.view(name)?.shape().to_vec())
    }

    /// The coarsest precision among the tensors taken so far.
    pub(crate) fn precision(&self) -> Precision {
        self.coarsest.get()
    }

    /// A vector of `len` numbers.
    pub(crate) fn vector(&self, name: &str, len: usize) -> Result<Vec<f32>, WeightsError> {
        self.tensor(name, &[len])
    }

    /// A matrix of `[rows, columns]`, row by row.
    pub(crate) fn matrix(
        &self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Vec<f32>, WeightsError> {
        self.tensor(name, &[rows, columns])
    }

    /// A tensor that must have this shape.
    pub(crate) fn tensor(&self, name: &str, expected: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let view = self.view(name)?;
        if view.shape() != expected {
            return Err(WeightsError::Shape {
                name: name.to_owned(),
                expected: expected.to_vec(),
                found: view.shape().to_vec(),
            });
        }
        let (precision, values) = self.decode(name, &view)?;
        self.coarsest.set(self.coarsest.get().min(precision));
        if values.iter().all(|value| value.is_finite()) {
            Ok(values)
        } else {
            Err(WeightsError::NotFinite {
                name: name.to_owned(),
            })
        }
    }

    fn view(&self, name: &str) -> Result<TensorView<'a>, WeightsError> {
        self.tensors
            .tensor(name)
            .map_err(|_| WeightsError::Missing {
                name: name.to_owned(),
            })
    }

    fn decode(
        &self,
        name: &str,
        view: &TensorView<'_>,
    ) -> Result<(Precision, Vec<f32>), WeightsError> {
        let data = view.data();
        Ok(match (view.dtype(), view.shape()) {
            (Dtype::F32, _) => (Precision::F32, words(data, f32::from_le_bytes)),
            (Dtype::F16, _) => (
                Precision::F16,
                words(data, |word| f16::from_le_bytes(word).to_f32()),
            ),
            (Dtype::BF16, _) => (
                Precision::Bf16,
                words(data, |word| bf16::from_le_bytes(word).to_f32()),
            ),
            (Dtype::I8, [rows, columns]) => {
                let scales = self.scales(name, *rows)?;
                let mut values = Vec::with_capacity(data.len());
                // `max` because a matrix may have no columns.
                for (row, scale) in data.chunks_exact((*columns).max(1)).zip(scales) {
                    values.extend(row.iter().map(|byte| f32::from(byte.cast_signed()) * scale));
                }
                (Precision::Int8, values)
            }
            (other, _) => {
                let found = format!("{other:?}");
                return Err(WeightsError::Type {
                    name: name.to_owned(),
                    found,
                });
            }
        })
    }

    fn scales(&self, name: &str, rows: usize) -> Result<Vec<f32>, WeightsError> {
        let name = format!("{name}{}", int8::SCALE_SUFFIX);
        let view = self.view(&name)?;
        if view.shape() != [rows] {
            let found = view.shape().to_vec();
            return Err(WeightsError::Shape {
                name,
                expected: vec![rows],
                found,
            });
        }
        match view.dtype() {
            Dtype::F32 => Ok(words(view.data(), f32::from_le_bytes)),
            other => Err(WeightsError::Type {
                name,
                found: format!("{other:?}"),
            }),
        }
    }
}

fn words<const N: usize>(data: &[u8], read: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    data.as_chunks::<N>()
        .0
        .iter()
        .map(|word| read(*word))
        .collect()
}
