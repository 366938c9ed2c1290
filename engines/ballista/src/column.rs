//! `splade_encode(text, model [, options])`: vectors as one more column.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{ArrayRef, Float32Array, ListArray, StructArray, UInt32Array};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use splade::corpus::VectorSettings;
use splade::errors::TokenizerError;
use splade::{EncodeOptions, SparseEncoder, SparseMatrix, SpladeError, Truncation};

use crate::options::{ColumnOptions, LongTexts};
use crate::{failure, literals, loaded, options};

/// The name of the function.
pub(crate) const NAME: &str = "splade_encode";

/// Characters of a text that an error shows.
const SHOWN: usize = 60;

static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    let list = |name: &str, item: DataType| Field::new(name, list_of(item), false);
    Fields::from(vec![list("indices", DataType::UInt32), list("values", DataType::Float32)])
});

fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, false)))
}

/// See the [module](self). Volatile, so that no plan folds or drops it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Encode {
    signature: Signature,
}

impl Encode {
    pub(crate) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Volatile) }
    }
}

impl ScalarUDFImpl for Encode {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        match arg_types.len() {
            2 | 3 => literals::coerce(NAME, arg_types),
            n => plan_err!("{NAME} has {n} arguments, expected text, model and maybe options"),
        }
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(FIELDS.clone()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (text, model, options) = match args.args.as_slice() {
            [text, model] => (text, model, "{}"),
            [text, model, options] => {
                (text, model, literals::literal(NAME, "the options", options)?)
            }
            _ => return exec_err!("{NAME} expects text, model and maybe options"),
        };
        let model = literals::literal(NAME, "the model", model)?;
        let options: ColumnOptions = options::parse(NAME, options)?;
        let column = text.to_array(args.number_rows)?;
        let texts = literals::texts(&column)?;
        // Without texts no model is needed: plans are tried on empty batches.
        if texts.iter().all(Option::is_none) {
            return Ok(ColumnarValue::Array(vectors(&texts, SparseMatrix::builder(0).finish())?));
        }
        let encoder = loaded::model(model, &options.load())?.encoder;
        let call = call(&encoder, &options)
            .map_err(|error| failure::of_splade(&format!("{NAME} with {model}"), &error))?;
        Ok(ColumnarValue::Array(encode(&encoder, &call, &texts)?))
    }
}

/// One call of the encoder for all texts of a batch.
fn encode(
    encoder: &SparseEncoder,
    call: &EncodeOptions,
    texts: &[Option<&str>],
) -> Result<ArrayRef> {
    let there: Vec<&str> = texts.iter().copied().flatten().collect();
    match encoder.encode_with(&there, call) {
        Ok(encoded) => vectors(texts, encoded.embeddings),
        Err(error) => Err(at_row(texts, &error)),
    }
}

fn call(encoder: &SparseEncoder, options: &ColumnOptions) -> Result<EncodeOptions, SpladeError> {
    let mut settings = VectorSettings::default();
    settings.task.clone_from(&options.task);
    settings.prompt.clone_from(&options.prompt);
    settings.prompt_name.clone_from(&options.prompt_name);
    settings.max_active_dims = options.max_active_dims;
    settings.min_weight = options.min_weight;
    settings.max_ratio = options.max_ratio;
    settings.mass_share = options.mass_share;
    let mut call = settings.encode_options(encoder)?;
    call.max_seq_length = options.max_seq_length;
    call.max_batch_tokens = options.batch_tokens;
    call.truncation = match options.long_texts {
        LongTexts::Cut => Truncation::Cut,
        LongTexts::Refuse => Truncation::Refuse,
    };
    Ok(call)
}

/// The rows as a column: a null text has a null vector.
fn vectors(texts: &[Option<&str>], rows: SparseMatrix) -> Result<ArrayRef> {
    let (indptr, indices, values) = rows.into_csr_parts();
    let mut lengths = indptr.windows(2).map(|pair| pair[1] - pair[0]);
    if i32::try_from(indices.len()).is_err() {
        return exec_err!(
            "{NAME}: a batch of {} texts has {} weights, more than a list holds: make \
             datafusion.execution.batch_size smaller",
            texts.len(),
            indices.len()
        );
    }
    let mut length = |text: &Option<&str>| match text {
        Some(_) => lengths.next().expect("each text has a row"),
        None => 0,
    };
    let offsets = OffsetBuffer::from_lengths(texts.iter().map(&mut length));
    let list = |items: ArrayRef| -> Result<ArrayRef> {
        let field = Field::new_list_field(items.data_type().clone(), false);
        Ok(Arc::new(ListArray::try_new(Arc::new(field), offsets.clone(), items, None)?))
    };
    let lists = vec![
        list(Arc::new(UInt32Array::from(indices)))?,
        list(Arc::new(Float32Array::from(values)))?,
    ];
    let is_there: NullBuffer = texts.iter().map(Option::is_some).collect::<Vec<bool>>().into();
    Ok(Arc::new(StructArray::try_new(FIELDS.clone(), lists, Some(is_there))?))
}

/// The error with its row, and how the text begins: a function sees batches, not tables.
fn at_row(texts: &[Option<&str>], error: &SpladeError) -> DataFusionError {
    let text = match error {
        SpladeError::NotFinite { text, .. }
        | SpladeError::TextTooLong { text, .. }
        | SpladeError::Tokenizer(
            TokenizerError::Encode { text, .. } | TokenizerError::UnknownId { text, .. },
        ) => Some(*text),
        _ => None,
    };
    let there = texts.iter().enumerate().filter_map(|(row, text)| Some((row, (*text)?)));
    let what = match text.and_then(|text| there.clone().nth(text)) {
        Some((row, text)) => {
            let shown: String = text.chars().take(SHOWN).collect();
            format!("{NAME}: row {row} of a batch of {}, {shown:?}", texts.len())
        }
        None => format!("{NAME}: a batch of {} rows", texts.len()),
    };
    failure::of_splade(&what, error)
}
