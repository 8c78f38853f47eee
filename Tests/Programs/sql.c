// archives: libsqlite3.a
// flags: -O2
// libraries: -lm -ldl -lpthread
// A session with an SQL database in memory: tables, joins, aggregates, windows, transactions, full text search, JSON,
// functions and collations of our own.

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sqlite3 *database;

static int printRow(void *unused, int count, char **values, char **names) {
  (void)unused, (void)names;
  for (int i = 0; i < count; i++) printf("%s%s", i ? " | " : "  ", values[i] ? values[i] : "NULL");
  putchar('\n');
  return 0;
}

// Executes `sql` and prints its rows, or its error.
static void execute(const char *sql) {
  char *message = NULL;
  printf("%.60s%s\n", sql, strlen(sql) > 60 ? "..." : "");
  if (sqlite3_exec(database, sql, printRow, NULL, &message) != SQLITE_OK) {
    printf("  error: %s\n", message);
    sqlite3_free(message);
  }
}

// An SQL function: the length of a vector.
static void hypotenuse(sqlite3_context *context, int count, sqlite3_value **values) {
  (void)count;
  sqlite3_result_double(context, hypot(sqlite3_value_double(values[0]), sqlite3_value_double(values[1])));
}

// An aggregate: the product.
static void productStep(sqlite3_context *context, int count, sqlite3_value **values) {
  (void)count;
  struct Product { int started; sqlite3_int64 value; } *product = sqlite3_aggregate_context(context, sizeof *product);
  if (!product->started) product->started = 1, product->value = 1;
  product->value *= sqlite3_value_int64(values[0]);
}
static void productFinal(sqlite3_context *context) {
  struct Product { int started; sqlite3_int64 value; } *product = sqlite3_aggregate_context(context, 0);
  sqlite3_result_int64(context, product ? product->value : 1);
}

// A collation: by length, then bytewise.
static int byLength(void *unused, int countA, const void *a, int countB, const void *b) {
  (void)unused;
  return countA != countB ? countA - countB : memcmp(a, b, countA);
}

int main(void) {
  if (sqlite3_open(":memory:", &database) != SQLITE_OK) return 1;
  sqlite3_create_function(database, "hypotenuse", 2, SQLITE_UTF8, NULL, hypotenuse, NULL, NULL);
  sqlite3_create_function(database, "product", 1, SQLITE_UTF8, NULL, NULL, productStep, productFinal);
  sqlite3_create_collation(database, "length", SQLITE_UTF8, NULL, byLength);

  execute("CREATE TABLE author(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)");
  execute("CREATE TABLE book(title TEXT, author INTEGER REFERENCES author(id), year INT,"
          "price REAL CHECK (price > 0))");
  execute("CREATE INDEX book_year ON book(year)");
  execute("INSERT INTO author(name) VALUES ('Levine'), ('Knuth'), ('Kernighan')");
  execute("INSERT INTO book VALUES ('Linkers and Loaders', 1, 1999, 61.5), ('Sorting and Searching', 2, 1973, 70.25),"
          "('Seminumerical Algorithms', 2, 1969, 68), ('The C Programming Language', 3, 1978, 54.75)");
  execute("SELECT name, title FROM book JOIN author ON author.id = book.author ORDER BY year DESC");
  execute("SELECT name, count(*), round(avg(price), 2), min(year) FROM book JOIN author ON author.id = author "
          "GROUP BY name HAVING count(*) > 1");
  execute("SELECT title, rank() OVER (ORDER BY price DESC), sum(price) OVER (ORDER BY year) FROM book ORDER BY year");
  execute("EXPLAIN QUERY PLAN SELECT * FROM book WHERE year BETWEEN 1970 AND 1980");

  execute("SELECT * FROM nowhere");
  execute("INSERT INTO author(name) VALUES ('Knuth')");
  execute("INSERT INTO book VALUES ('Free', 1, 2000, -1)");

  execute("BEGIN; UPDATE book SET price = price * 2; SAVEPOINT half; DELETE FROM book WHERE year < 1975");
  execute("SELECT count(*), total(price) FROM book");
  execute("ROLLBACK TO half; SELECT count(*), total(price) FROM book");
  execute("ROLLBACK; SELECT count(*), total(price) FROM book");

  execute("WITH RECURSIVE fibonacci(a, b) AS (VALUES (0, 1) UNION ALL SELECT b, a + b FROM fibonacci LIMIT 60)"
          "SELECT a FROM fibonacci LIMIT 3 OFFSET 57");
  execute("SELECT hypotenuse(3, 4), product(value) FROM (SELECT 6 AS value UNION SELECT 7 UNION SELECT 11)");
  execute("SELECT title FROM book ORDER BY title COLLATE length");
  execute("SELECT upper(substr('weld', 1, 1)) || substr('weld', 2), printf('%08.3f', 3.14159), hex(zeroblob(3)), "
          "strftime('%Y-%m-%d', 86400 * 365, 'unixepoch'), typeof(1.5), 7 / 2, 7 % 4, 1 << 40");
  execute("SELECT key, value FROM json_each('{\"a\": 1, \"b\": [2, 3], \"c\": null}')");

  execute("CREATE VIRTUAL TABLE page USING fts5(body)");
  execute("INSERT INTO page VALUES ('a linker combines object files'), ('a loader puts them into memory'), "
          "('a linking loader does both: it is a linker and a loader')");
  execute("SELECT rowid, highlight(page, 0, '<', '>') FROM page WHERE page MATCH 'linker NOT files'");
  execute("CREATE VIRTUAL TABLE box USING rtree(id, left, right);"
          "INSERT INTO box VALUES (1, 0, 10), (2, 5, 15), (3, 20, 30)");
  execute("SELECT id FROM box WHERE left < 12 AND right > 8 ORDER BY id");

  // A prepared statement, executed 10000 times in a transaction.
  execute("CREATE TABLE number(n INTEGER PRIMARY KEY, square INT); BEGIN");
  sqlite3_stmt *insert;
  sqlite3_prepare_v2(database, "INSERT INTO number VALUES (?1, ?1 * ?1)", -1, &insert, NULL);
  for (int i = 1; i <= 10000; i++) {
    sqlite3_bind_int(insert, 1, i);
    if (sqlite3_step(insert) != SQLITE_DONE) return 1;
    sqlite3_reset(insert);
  }
  sqlite3_finalize(insert);
  execute("COMMIT; SELECT count(*), sum(square), max(square) FROM number");
  execute("DELETE FROM number WHERE n % 3; SELECT count(*), sum(square) FROM number; PRAGMA integrity_check");

  int status = sqlite3_close(database);
  printf("closed: %d\n", status);
  return status;
}
