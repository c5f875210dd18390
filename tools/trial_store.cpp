#include "tools/trial_store.h"

#include <sqlite3.h>

#include <fmt/format.h>

namespace halconv {

namespace {

constexpr int kBusyMilliseconds = 60'000;  // another tuner's transaction is one row

constexpr const char *kSchema =
    "CREATE TABLE IF NOT EXISTS trial ("
    " id INTEGER PRIMARY KEY, layer TEXT NOT NULL, problem TEXT NOT NULL, target TEXT NOT NULL, form TEXT NOT NULL,"
    " schedule TEXT NOT NULL, seconds REAL NOT NULL, result TEXT NOT NULL, time_us REAL, spread REAL, cpu TEXT NOT "
    "NULL,"
    " threads INTEGER NOT NULL, halide TEXT NOT NULL, schedule_version INTEGER NOT NULL,"
    " algorithm_version INTEGER NOT NULL, finished TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));"
    "CREATE INDEX IF NOT EXISTS trial_candidate ON trial (problem, target, form, schedule);";

constexpr const char *kConditions =
    "cpu = ?1 AND threads = ?2 AND halide = ?3 AND schedule_version = ?4 AND algorithm_version = ?5";

// A statement with its bindings; columns are read after step() was true.
class Statement {
  public:
    Statement(sqlite3 *database, const std::string &text) : database_(database) {
        check(sqlite3_prepare_v2(database, text.c_str(), -1, &statement_, nullptr));
    }
    ~Statement() { sqlite3_finalize(statement_); }
    Statement(const Statement &) = delete;
    Statement &operator=(const Statement &) = delete;

    void bind(int at, const std::string &text) {
        check(sqlite3_bind_text(statement_, at, text.c_str(), -1, SQLITE_TRANSIENT));
    }
    void bind(int at, double value) { check(sqlite3_bind_double(statement_, at, value)); }
    void bind(int at, int value) { check(sqlite3_bind_int(statement_, at, value)); }
    bool step() {
        int status = sqlite3_step(statement_);
        if (status != SQLITE_ROW && status != SQLITE_DONE) {
            check(status);
        }
        return status == SQLITE_ROW;
    }
    std::string text(int column) const {
        const unsigned char *value = sqlite3_column_text(statement_, column);
        return value ? reinterpret_cast<const char *>(value) : "";
    }
    double number(int column) const { return sqlite3_column_double(statement_, column); }
    int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }

  private:
    void check(int status) const {
        if (status != SQLITE_OK) {
            throw WorkError(fmt::format("{}: {}", sqlite3_db_filename(database_, "main"), sqlite3_errmsg(database_)));
        }
    }

    sqlite3 *database_;
    sqlite3_stmt *statement_ = nullptr;
};

}  // namespace

struct TrialStore::State {
    sqlite3 *database = nullptr;
    TrialConditions conditions;
    ~State() { sqlite3_close(database); }
    void bind(Statement &statement) const {
        const TrialConditions &c = conditions;
        statement.bind(1, c.cpu), statement.bind(2, c.threads), statement.bind(3, c.halide);
        statement.bind(4, c.schedule_version), statement.bind(5, c.algorithm_version);
    }
};

TrialStore::TrialStore(const std::filesystem::path &file, TrialConditions conditions)
    : state_(std::make_unique<State>()) {
    state_->conditions = std::move(conditions);
    int status = sqlite3_open_v2(file.c_str(), &state_->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    // A process that is killed loses nothing in the write-ahead log; FULL also holds where the power fails.
    const std::string pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";
    if (status == SQLITE_OK) {
        sqlite3_busy_timeout(state_->database, kBusyMilliseconds);
        // SQLite does not wait by itself for another process that makes the same file a write-ahead log.
        constexpr int kWaitMilliseconds = 5;
        for (int waited = 0; waited < kBusyMilliseconds; waited += kWaitMilliseconds) {
            status = sqlite3_exec(state_->database, (pragmas + kSchema).c_str(), nullptr, nullptr, nullptr);
            if (status != SQLITE_BUSY) {
                break;
            }
            sqlite3_sleep(kWaitMilliseconds);
        }
    }
    if (status != SQLITE_OK) {
        throw InputError(fmt::format("{}: {}", file.string(), sqlite3_errmsg(state_->database)));
    }
}

TrialStore::~TrialStore() = default;

void TrialStore::record(const Trial &trial) {
    const TuningCandidate &c = trial.candidate;
    Statement insert(
        state_->database,
        "INSERT INTO trial (cpu, threads, halide, schedule_version, algorithm_version, layer, problem, target,"
        " form, schedule, seconds, result, time_us, spread)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)");
    state_->bind(insert);
    insert.bind(6, c.layer.name), insert.bind(7, problem_text(c.layer)), insert.bind(8, c.target);
    insert.bind(9, std::string(form_name(c.schedule.form))), insert.bind(10, schedule_json(c.schedule).dump());
    insert.bind(11, trial.seconds), insert.bind(12, result_json(trial.result).dump());
    if (trial.result.ok()) {
        insert.bind(13, trial.result.time_us), insert.bind(14, trial.result.spread);
    }
    insert.step();
}

std::optional<CandidateResult> TrialStore::find(const TuningCandidate &c, double seconds) const {
    Statement select(state_->database,
                     fmt::format("SELECT result FROM trial WHERE {} AND problem = ?6 AND target = ?7 AND "
                                 "form = ?8 AND schedule = ?9 AND seconds = ?10 ORDER BY id DESC",
                                 kConditions));
    state_->bind(select);
    select.bind(6, problem_text(c.layer)), select.bind(7, c.target);
    select.bind(8, std::string(form_name(c.schedule.form))), select.bind(9, schedule_json(c.schedule).dump());
    select.bind(10, seconds);
    if (!select.step()) {
        return std::nullopt;
    }
    return parse_result(parse_json(select.text(0), "trial"), "trial");
}

std::vector<Trial> TrialStore::trials(const TuningCandidate &of_problem) const {
    Statement select(state_->database, fmt::format("SELECT form, schedule, seconds, result FROM trial WHERE {} AND "
                                                   "problem = ?6 AND target = ?7 ORDER BY id",
                                                   kConditions));
    state_->bind(select);
    select.bind(6, problem_text(of_problem.layer)), select.bind(7, of_problem.target);
    std::vector<Trial> found;
    while (select.step()) {
        Trial trial{of_problem, select.number(2), parse_result(parse_json(select.text(3), "trial"), "trial")};
        trial.candidate.schedule = parse_schedule(select.text(0), parse_json(select.text(1), "trial"), "trial");
        found.push_back(std::move(trial));
    }
    return found;
}

int64_t TrialStore::count() const {
    Statement select(state_->database, "SELECT COUNT(*) FROM trial");
    select.step();
    return select.integer(0);
}

int64_t TrialStore::stale() const {
    Statement select(state_->database, fmt::format("SELECT COUNT(*) FROM trial WHERE NOT ({})", kConditions));
    state_->bind(select);
    select.step();
    return select.integer(0);
}

std::string problem_text(const Layer &layer) {
    OrderedJson object = OrderedJson::parse(layer_json(layer));
    object.erase("name");
    return object.dump();
}

}  // namespace halconv
