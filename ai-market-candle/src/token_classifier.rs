use std::fmt;
use std::sync::Arc;

use ai_market_core::confidence::Confidence;
use ai_market_core::id::{EntityType, Label};
use ai_market_core::inference::{InferenceError, Prediction};
use ai_market_core::submission::{Span, Spans};

use crate::config::{Head, ModelConfig};
use crate::engine::{Engine, classifier_methods, failed, saturating};
use crate::entities::{Tag, groups, tags};
use crate::error::LoadError;
use crate::options::ClassifierOptions;
use crate::softmax::{largest, softmax};
use crate::source::{LoadEvent, ModelFiles, ModelPart};
use crate::tokenizer::{Place, TextTokenizer, Tokens};

/// A classifier of the tokens of a text, which finds its entities: names of people and places, and
/// whatever else the model was trained to find.
///
/// Clones share the weights and the threads, so one loaded model serves several workers.
#[derive(Clone)]
pub struct TokenClassifier(Arc<Parts>);

struct Parts {
    engine: Engine,
    tags: Vec<Tag>,
    max_label_bytes: usize,
}

/// What a token classifier says of one text.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TokenClassification {
    /// What was found, in the order of the text.
    pub entities: Vec<Entity>,
    /// How sure the model is of the whole answer, from 0 to 1: the smallest of the scores of the
    /// entities and of the probabilities of the labels of all tokens that are in none; 1 when the
    /// text has no tokens of its own.
    ///
    /// An answer is right when nothing in it is wrong and nothing is missing, so it is worth what its
    /// weakest part is worth. A product of all parts would mostly tell how long the text is.
    pub confidence: f64,
    /// The network's outputs, one per token and label: first all labels of the first token, which is
    /// a special one, as in [`TokenClassifier::labels`].
    pub logits: Vec<f32>,
    /// Tokens read, special ones included.
    pub tokens: usize,
    /// Whether the end of the text was cut off, so that nothing was looked for in it.
    pub truncated: bool,
}

/// A part of a text, what it is, and how sure the model is of that.
///
/// `kind`, `score`, `word`, `start` and `end` are the `entity_group`, `score`, `word`, `start` and
/// `end` of Hugging Face Transformers' pipeline `token-classification` with
/// `aggregation_strategy="simple"`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Entity {
    /// What it is: its first token's label without what stands before the first `-`.
    pub kind: EntityType,
    /// The mean of the probabilities of its tokens' labels, from 0 to 1.
    pub score: f64,
    /// Its tokens, put together: as a normalizing tokenizer read it, not as the text spells it.
    pub word: String,
    /// Its first character, in Unicode scalar values of the text as it was given.
    pub start: usize,
    /// The character after its last one.
    pub end: usize,
}

impl TokenClassifier {
    pub(crate) fn of_files(
        files: ModelFiles,
        options: &ClassifierOptions,
        progress: &mut dyn FnMut(LoadEvent<'_>),
    ) -> Result<Self, LoadError> {
        progress(LoadEvent::Loading {
            part: ModelPart::Config,
            bytes: files.config.len() as u64,
        });
        let config = ModelConfig::for_head(&files.config, Head::Token)?;
        let tags = tags(&config, options.lowercase_for(config.head))?;
        Ok(Self(Arc::new(Parts {
            engine: Engine::load(files, config, Vec::new(), options, progress)?,
            tags,
            max_label_bytes: options.max_label_bytes,
        })))
    }

    /// The labels of tokens in the order of the logits, as the model spells them.
    #[must_use]
    pub fn labels(&self) -> &[Label] {
        &self.engine().model.config().labels
    }

    /// Finds the entities of texts; one result per text, in their order.
    ///
    /// Each token gets the label with the largest logit, the first of those that are equal. Tokens
    /// of the same kind in a row are one entity, and a label that begins with `B-` begins another;
    /// `I-` is not needed to go on, and labels without either count as if they had it. What is `O`
    /// is left out, and so are the tokens that the tokenizer adds.
    ///
    /// It blocks until all are done, and takes any number of texts: they are computed in packed
    /// batches of [`ClassifierOptions::batch_tokens`] tokens.
    ///
    /// # Errors
    ///
    /// Each text has its own: [`InferenceError::UnreadableInput`] when it gives no tokens that the
    /// model knows, [`InferenceError::Failed`] when the network gives numbers that are not finite.
    pub fn classify<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
    ) -> Vec<Result<TokenClassification, InferenceError>> {
        let encode = TextTokenizer::encode_with_places;
        self.engine().run(texts, encode, |text, tokens, logits| {
            self.conclude(text, tokens, logits)
        })
    }

    /// Answers texts as [`classify`](Self::classify) does, in the form that a worker hands in: with
    /// [`TokenClassification::spans`] as label.
    ///
    /// # Errors
    ///
    /// Each text has its own, as in [`classify`](Self::classify), and
    /// [`InferenceError::AnswerTooLong`] when the label has more than
    /// [`ClassifierOptions::max_label_bytes`]: an answer with its end cut off would be another answer.
    pub fn predict<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
    ) -> Vec<Result<Prediction, InferenceError>> {
        let found = self.classify(texts).into_iter();
        found.map(|found| self.prediction(&found?)).collect()
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    fn conclude(
        &self,
        text: &str,
        tokens: &Tokens,
        logits: Vec<f32>,
    ) -> Result<TokenClassification, InferenceError> {
        let mut own: Vec<(u32, Place)> = Vec::new();
        let mut tags: Vec<&Tag> = Vec::new();
        let mut probabilities: Vec<f64> = Vec::new();
        let rows = logits.chunks_exact(self.0.tags.len());
        for ((id, place), row) in tokens.ids.iter().zip(&tokens.places).zip(rows) {
            if !place.special {
                let index = largest(row);
                own.push((*id, *place));
                tags.push(&self.0.tags[index]);
                probabilities.push(softmax(row)[index]);
            }
        }
        let mut entities = Vec::new();
        let mut confidence = 1.0_f64;
        for group in groups(&tags) {
            let probabilities = &probabilities[group.tokens.clone()];
            let Some(kind) = group.kind else {
                confidence = probabilities.iter().copied().fold(confidence, f64::min);
                continue;
            };
            let score = probabilities.iter().sum::<f64>() / probabilities.len() as f64;
            confidence = confidence.min(score);
            let tokens = &own[group.tokens];
            let place = |token: Option<&(u32, Place)>| token.map(|(_, place)| *place);
            let (Some(first), Some(last)) = (place(tokens.first()), place(tokens.last())) else {
                continue;
            };
            entities.push(Entity {
                kind,
                score,
                word: self.tokenizer().word(text, tokens)?,
                start: first.start,
                end: last.end,
            });
        }
        Ok(TokenClassification {
            entities,
            confidence,
            logits,
            tokens: tokens.ids.len(),
            truncated: tokens.truncated,
        })
    }

    fn prediction(&self, found: &TokenClassification) -> Result<Prediction, InferenceError> {
        let written = found.spans().to_string();
        let (bytes, max) = (written.len(), self.0.max_label_bytes);
        if bytes > max {
            return Err(InferenceError::AnswerTooLong { bytes, max });
        }
        let label = Label::new(written).map_err(failed)?;
        let confidence = Confidence::saturating(found.confidence);
        Ok(Prediction::new(label, confidence)
            .with_truncated(found.truncated)
            .with_tokens(saturating(found.tokens)))
    }
}

impl TokenClassification {
    /// The entities as the answer that is voted on.
    ///
    /// An entity that covers no character, which some tokenizers make of nothing, is left out.
    #[must_use]
    pub fn spans(&self) -> Spans {
        let span = |found: &Entity| Span::new(found.start, found.end, found.kind.clone()).ok();
        self.entities.iter().filter_map(span).collect()
    }
}

classifier_methods!(TokenClassifier);

impl fmt::Debug for TokenClassifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TokenClassifier")
            .field(self.engine())
            .finish()
    }
}
