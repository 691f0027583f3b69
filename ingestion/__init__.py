"""Documents: parsing, chunking, embedding models, ranking, evaluation. It knows neither broker nor database."""
