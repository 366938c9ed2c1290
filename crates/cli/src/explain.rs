//! `splade explain`: texts and their vectors as one HTML page.

use splade::EncodeOptions;
use splade::corpus::Record;

use crate::args::ExplainArgs;
use crate::error::CliError;
use crate::model::{self, Model};
use crate::output::{Output, Written};
use crate::stream;

pub(crate) fn run(args: &ExplainArgs) -> Result<(), CliError> {
    Written::Page.check_name(&args.html)?;
    let records = (!args.input.is_empty()).then(|| stream::open(&args.input, &args.texts_in));
    let mut output = Output::create(&args.html)?;
    let model = Model::load(&args.model, &args.run, &args.vectors)?;
    let (mut texts, mut labels) = (args.texts.clone(), Vec::new());
    for record in records.transpose()?.into_iter().flatten() {
        let Record { id, text, .. } = record?;
        texts.push(text);
        labels.push(id);
    }
    let read = |texts: &[String], task| {
        let options = model::options(task, &args.run, &args.vectors)?;
        let read = model.encoder.read_texts(texts, &options);
        read.map_err(|source| CliError::Encode(Box::new(source)))
    };
    let task =
        if args.query.is_empty() { EncodeOptions::default() } else { EncodeOptions::document() };
    let documents = read(&texts, task)?;
    let queries = read(&args.query, EncodeOptions::query())?;
    let mut shown = documents.explained();
    for (document, label) in shown.iter_mut().zip(labels) {
        *document = document.clone().with_label(label);
    }
    let mut page =
        model.encoder.explanation().with_queries(queries.explained()).with_documents(shown);
    if let Some(title) = &args.title {
        page = page.with_title(title);
    }
    output.write_page(&page)?;
    output.finish()
}
