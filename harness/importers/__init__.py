"""Problems of other collections as ops: read here as syntax trees and JSON, run only in a worker."""
