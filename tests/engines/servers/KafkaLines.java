import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Scanner;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** A client for lines: `topics` and `numbers` print what is there, `create` makes the topic, `write` takes numbers. */
class KafkaLines {
    private static final String TOPIC = "numbers";

    public static void main(String[] arguments) throws Exception {
        Map<String, Object> settings = Map.of("bootstrap.servers", arguments[1], "default.api.timeout.ms", 10000,
                "request.timeout.ms", 5000, "acks", "all", "linger.ms", 0);
        switch (arguments[0]) {
            case "topics", "create" -> {
                try (Admin admin = Admin.create(settings)) {
                    if (arguments[0].equals("create")) {
                        admin.createTopics(List.of(new NewTopic(TOPIC, 1, (short) 1))).all().get();
                    }
                    System.out.println(admin.listTopics().names().get());
                }
            }
            case "write" -> {
                try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
                        var numbers = new Scanner(System.in)) {
                    while (numbers.hasNextLine()) {
                        String number = numbers.nextLine();
                        producer.send(new ProducerRecord<>(TOPIC, number, "x".repeat(1000))).get();
                        System.out.println(number);
                    }
                }
            }
            case "numbers" -> {
                try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
                    if (!consumer.listTopics().containsKey(TOPIC)) {
                        return;
                    }
                    TopicPartition all = new TopicPartition(TOPIC, 0);
                    consumer.assign(List.of(all));
                    consumer.seekToBeginning(List.of(all));
                    long end = consumer.endOffsets(List.of(all)).get(all);
                    while (consumer.position(all) < end) {
                        consumer.poll(Duration.ofSeconds(5)).forEach(record -> System.out.println(record.key()));
                    }
                }
            }
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }
}
